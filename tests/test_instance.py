"""The instance directory: secrets that are made once, and an embedded Redis that can be reached."""

from __future__ import annotations

import json
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.instance import MAX_SOCKET_PATH, completed, new_secrets, redis_socket
from app.settings import SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET, Secret, Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(instance_dir=tmp_path / "instance")


def test_an_instance_makes_its_own_directory_and_secrets(settings):
    made = completed(settings)
    assert settings.instance_dir.is_dir()
    assert len(made.secret_key) >= 48
    assert all(Fernet(key) for key in made.token_keys) and len(made.token_keys) == 1


def test_secrets_are_for_their_owner_alone(settings):
    completed(settings)
    mode = (settings.instance_dir / "secrets.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_secrets_stay_the_same_over_restarts(settings):
    first = completed(settings)
    second = completed(settings)
    assert (first.secret_key, first.token_keys) == (second.secret_key, second.token_keys)


def test_every_instance_has_secrets_of_its_own(settings, tmp_path):
    other = completed(replace(settings, instance_dir=tmp_path / "other"))
    assert completed(settings).secret_key != other.secret_key
    assert completed(settings).token_keys != other.token_keys


def test_made_secrets_show_themselves_nowhere(settings):
    made = completed(settings)
    stored = json.loads((settings.instance_dir / "secrets.json").read_text(encoding="utf-8"))
    assert set(stored) == {"SECRET_KEY", "TOKEN_KEYS"}
    assert not [value for value in stored.values() if value in repr(made)]


def test_given_secrets_win_over_made_ones(settings):
    given = replace(settings, secret_key=Secret("mine"), token_keys=(Secret("k1"),))
    assert (completed(given).secret_key, completed(given).token_keys) == ("mine", ("k1",))


def test_production_makes_no_secrets(settings):
    made = completed(replace(settings, env="production", secret_key=Secret("mine"), token_keys=(Secret("k1"),)))
    assert (made.secret_key, made.token_keys) == ("mine", ("k1",))
    assert not (settings.instance_dir / "secrets.json").exists()


def test_fresh_secrets_are_fresh():
    first, second = new_secrets(), new_secrets()
    assert set(first) == {"SECRET_KEY", "TOKEN_KEYS"}
    assert not set(first.values()) & set(second.values())


# The sandbox


def test_without_an_app_of_tiktok_s_all_four_hosts_are_the_sandbox(settings):
    made = completed(replace(settings, sandbox_port=8123))
    url = "http://127.0.0.1:8123"
    assert (made.tiktok_auth_url, made.tiktok_api_url, made.tiktok_web_url) == (url, url, url)
    assert made.tiktok_upload_hosts == ("127.0.0.1:8123",)
    assert (made.tiktok_client_key, made.tiktok_client_secret) == (SANDBOX_CLIENT_KEY, SANDBOX_CLIENT_SECRET)
    assert made.uses_sandbox


def test_with_an_app_of_tiktok_s_the_hosts_are_tiktok_s(settings):
    made = completed(replace(settings, tiktok_client_key="aw-key", tiktok_client_secret=Secret("s")))
    assert (made.tiktok_auth_url, made.tiktok_api_url) == ("https://www.tiktok.com", "https://open.tiktokapis.com")
    assert made.tiktok_upload_hosts == ("*.tiktokapis.com",)
    assert made.tiktok_client_key == "aw-key"


# The embedded Redis


def test_without_redis_there_is_one_on_a_socket_in_the_instance_directory(settings):
    assert completed(settings).redis_url == f"unix://{redis_socket(settings.instance_dir)}"


def test_a_given_redis_is_used(settings):
    assert completed(replace(settings, redis_url="redis://redis:6379/0")).redis_url == "redis://redis:6379/0"


def test_a_short_directory_holds_the_socket_itself(monkeypatch):
    short = Path("/var/oncue")
    assert redis_socket(short) == short / "redis" / "redis.sock"


@pytest.mark.parametrize("name", ["x" * 200, "ü" * 80, "/".join(["deep"] * 40)])
def test_a_long_directory_has_its_socket_in_a_short_place_of_its_own(tmp_path, name):
    path, other = redis_socket(tmp_path / name), redis_socket(tmp_path / (name + "y"))
    assert len(str(path).encode()) <= MAX_SOCKET_PATH
    assert path == redis_socket(tmp_path / name), "the same for every process"
    assert path != other


def test_a_socket_can_be_bound_at_the_longest_path_that_is_used_as_it_is(tmp_path):
    directory = tmp_path / ("d" * (MAX_SOCKET_PATH - len(str(tmp_path)) - len("//redis/redis.sock")))
    path = redis_socket(directory)
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert path.exists()


def test_relative_and_absolute_names_of_a_directory_mean_the_same_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert redis_socket(Path("instance")) == redis_socket(tmp_path / "instance")
