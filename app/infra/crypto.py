"""Sealing of tokens at rest, and password hashes."""

from __future__ import annotations

from collections.abc import Sequence

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class TokenCipher:
    """Seals with the first key, opens with any: to rotate, put a new key in front and keep the old ones."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises ValueError when none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ValueError("none of TOKEN_KEYS opens a stored token") from error

    def reseal(self, sealed: str) -> str:
        """The same secret under the first key. Raises ValueError when none of the keys fits."""
        return self.seal(self.open(sealed))


class PasswordHasher:
    """argon2id with the library's current parameters (RFC 9106's second recommended option) unless told otherwise."""

    def __init__(self, argon2: Argon2 | None = None) -> None:
        self._argon2 = argon2 or Argon2()

    def hash(self, password: str) -> str:
        return self._argon2.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._argon2.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    def needs_rehash(self, password_hash: str) -> bool:
        return self._argon2.check_needs_rehash(password_hash)
