"""Tokens at rest and passwords."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher as Argon2
from cryptography.fernet import Fernet

from app.infra.crypto import PasswordHasher, TokenCipher

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def test_what_is_sealed_can_be_opened_and_is_not_readable():
    cipher = TokenCipher([NEW])
    sealed = cipher.seal("act.secret “ü”")
    assert "secret" not in sealed
    assert cipher.open(sealed) == "act.secret “ü”"


def test_the_same_secret_is_sealed_differently_each_time():
    cipher = TokenCipher([NEW])
    assert cipher.seal("act.secret") != cipher.seal("act.secret")


def test_after_a_rotation_old_secrets_still_open_and_new_ones_need_only_the_new_key():
    sealed = TokenCipher([OLD]).seal("act.secret")
    rotated = TokenCipher([NEW, OLD])
    assert rotated.open(sealed) == "act.secret"
    assert TokenCipher([NEW]).open(rotated.seal("act.fresh")) == "act.fresh"
    with pytest.raises(ValueError, match="TOKEN_KEYS"):
        TokenCipher([OLD]).open(rotated.seal("act.fresh"))


def test_resealing_lets_the_old_key_be_removed():
    sealed = TokenCipher([OLD]).seal("act.secret")
    resealed = TokenCipher([NEW, OLD]).reseal(sealed)
    assert TokenCipher([NEW]).open(resealed) == "act.secret"


@pytest.mark.parametrize("damage", [lambda s: s[:-4] + "AAAA", lambda s: s[:20], lambda s: "", lambda s: "plain text"],
                         ids=["end changed", "cut off", "empty", "never sealed"])
def test_what_is_damaged_does_not_open(damage):
    cipher = TokenCipher([NEW])
    with pytest.raises(ValueError, match="none of TOKEN_KEYS"):
        cipher.open(damage(cipher.seal("act.secret")))


def test_with_none_of_the_keys_nothing_opens_and_nothing_is_told():
    sealed = TokenCipher([OLD]).seal("act.secret")
    with pytest.raises(ValueError, match="none of TOKEN_KEYS") as refusal:
        TokenCipher([NEW, OTHER]).open(sealed)
    assert NEW not in str(refusal.value) and sealed not in str(refusal.value)


@pytest.mark.parametrize("key", ["", "short", "not base64 at all !!", "a" * 44])
def test_a_key_that_is_none_is_refused_at_once(key):
    with pytest.raises(ValueError):
        TokenCipher([key])


def test_no_key_at_all_is_refused_at_once():
    with pytest.raises(ValueError):
        TokenCipher([])


def test_passwords_are_hashed_with_argon2id_and_rfc_9106_s_second_parameters():
    hashed = PasswordHasher().hash("correct horse battery")
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert "horse" not in hashed


def test_only_the_right_password_fits():
    hasher = PasswordHasher()
    hashed = hasher.hash("correct horse battery")
    assert hasher.verify(hashed, "correct horse battery")
    assert not hasher.verify(hashed, "correct horse batterY")
    assert not hasher.verify(hashed, "")


def test_the_same_password_is_hashed_differently_each_time():
    hasher = PasswordHasher()
    assert hasher.hash("correct horse battery") != hasher.hash("correct horse battery")


@pytest.mark.parametrize("stored", ["", "x", "plain password", "$argon2id$v=19$m=65536,t=3,p=4$broken", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_stored_hash_that_is_none_fits_no_password(stored):
    assert not PasswordHasher().verify(stored, "plain password")


def test_only_hashes_with_other_parameters_are_made_anew():
    hasher = PasswordHasher()
    assert not hasher.needs_rehash(hasher.hash("correct horse battery"))
    assert hasher.needs_rehash(Argon2(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse battery"))
