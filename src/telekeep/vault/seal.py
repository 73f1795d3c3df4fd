"""How the vault hides: AES-256-GCM, a fresh data key per generation, wrapped by the master key.

Every ciphertext is bound (as additional authenticated data) to the vault, to what it is, and to the header it belongs
to, so that nothing can be exchanged for anything else. Nonces are random: a data key seals one record only, and the
lagging key stays far below the 2^32 messages that NIST SP 800-38D (8.3) allows.
"""

from __future__ import annotations

import os
from functools import lru_cache
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from telekeep.secret import Secret

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"telekeep vault 1"


class DoesNotOpen(Exception):
    """What was sealed does not open with this key and binding. Never leaves the vault: it becomes a SessionCorrupt."""


def new_key() -> Secret:
    """A fresh 256-bit data key."""
    return Secret(os.urandom(KEY_BYTES))


@lru_cache(maxsize=16)
def _prefix(vault_id: str) -> bytes:
    """How every binding begins."""
    return b"%d:%b,%d:%b," % (len(_FORMAT), _FORMAT, len(vault_id), vault_id.encode())


class Seal:
    """Seals with one key, for one vault."""

    def __init__(self, key: Secret, vault_id: str) -> None:
        self.vault_id = vault_id
        self._prefix = _prefix(vault_id)
        self._key = key
        self._cipher = AESGCM(key.reveal())

    def close(self, what: bytes, bound: bytes, plain: bytes) -> bytes:
        """``plain`` sealed: nonce, ciphertext, tag. ``what`` says which kind of thing it is, ``bound`` which one."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, self._binding(what, bound))

    def open(self, what: bytes, bound: bytes, sealed: bytes | memoryview) -> bytes:
        """What `close` sealed under the same key and binding. Raises DoesNotOpen."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._binding(what, bound))
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            raise DoesNotOpen from None

    def row_id(self, *parts: object) -> bytes:
        """A name for a row that tells nobody without the key what the row is about."""
        return blake2b(repr((self.vault_id, *parts)).encode(), key=self._key.reveal(), digest_size=16).digest()

    def is_same(self, other: Seal) -> bool:
        """Whether what one of the two sealed opens with the other."""
        return self.vault_id == other.vault_id and self._key == other._key

    @property
    def key(self) -> Secret:
        """The key itself, to be sealed with another."""
        return self._key

    def _binding(self, what: bytes, bound: bytes) -> bytes:
        return b"%b%d:%b,%d:%b," % (self._prefix, len(what), what, len(bound), bound)


class Master(Seal):
    """The master key of one vault, derived from what a key source gave."""

    def __init__(self, material: Secret, vault_id: str) -> None:
        derivation = HKDF(SHA256(), KEY_BYTES, salt=vault_id.encode(), info=b"telekeep vault master key")
        super().__init__(Secret(derivation.derive(material.reveal())), vault_id)
        self._last: tuple[tuple[bytes, bytes], Seal | None] = (b"", b""), None

    def verifier(self, bound: bytes) -> bytes:
        """What lies in the vault so that a wrong key is known at once. ``bound``: how this key is to be found."""
        return self.close(b"verifier", bound, b"")

    def fits(self, bound: bytes, verifier: bytes) -> bool:
        """Whether this is the key the vault is sealed with."""
        try:
            self.open(b"verifier", bound, verifier)
        except DoesNotOpen:
            return False
        return True

    def wrap(self, bound: bytes, key: Secret) -> bytes:
        """A data key, sealed."""
        return self.close(b"data key", bound, key.reveal())

    def unwrap(self, bound: bytes, wrapped: bytes) -> Secret:
        """The data key that `wrap` sealed. Raises DoesNotOpen."""
        return Secret(self.open(b"data key", bound, wrapped))

    def seal_with(self, bound: bytes, wrapped: bytes) -> Seal:
        """The seal of a data key that `wrap` sealed; the last one is remembered. Raises DoesNotOpen."""
        known, seal = self._last
        if seal is None or known != (bound, wrapped):
            seal = Seal(self.unwrap(bound, wrapped), self.vault_id)
            self._last = (bound, wrapped), seal
        return seal

    def seal_record(self, bound: bytes, payload: bytes) -> tuple[bytes, bytes]:
        """A record sealed with a fresh data key: the wrapped key, and the sealed payload."""
        key = new_key()
        return self.wrap(bound, key), Seal(key, self.vault_id).close(b"record", bound, payload)

    def open_record(self, bound: bytes, wrapped: bytes, sealed: bytes | memoryview) -> bytes:
        """The payload that `seal_record` sealed. Raises DoesNotOpen."""
        key = self.unwrap(bound, wrapped)
        if len(key) != KEY_BYTES:
            raise DoesNotOpen
        return Seal(key, self.vault_id).open(b"record", bound, sealed)
