"""A passphrase, stretched with Argon2id (RFC 9106): 64 MiB, 3 passes, 4 lanes; about 0.1 s a guess.

Asked of whoever handed in ``ask``, else read from the file that TELEKEEP_PASSPHRASE_FILE names. Never from standard
input, never from an argument or the environment itself.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable
from pathlib import Path
from unicodedata import normalize

from telekeep.database import border
from telekeep.errors import ConfigError, SessionCorrupt, SessionSealed
from telekeep.paths import check_private_file
from telekeep.secret import Secret
from telekeep.vault.keys.source import Made, Parameters

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 4
_SALT_BYTES = 16
_MOST_MEMORY_KIB = 2 * 1024 * 1024  # what the vault says is not believed beyond this: it lies unsealed
_MOST_PASSES = 64
_MOST_LANES = 64


class Passphrase:
    """A key made from a passphrase. ``ask`` returns it; called when the vault is unlocked, not before."""

    name = "passphrase"

    def __init__(self, ask: Callable[[], str] | None = None) -> None:
        self._ask = ask

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """A key from the passphrase and a new salt. Raises ConfigError if there is no passphrase."""
        parameters: Parameters = {
            "salt": b64encode(os.urandom(_SALT_BYTES)).decode(),
            "memory": MEMORY_KIB,
            "passes": PASSES,
            "lanes": LANES,
        }
        phrase = self._phrase()
        if phrase is None:
            raise ConfigError("A passphrase is needed, and none was given.", remedy=_REMEDY)
        return Made(_stretch(phrase, parameters), parameters)

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """The key from the passphrase and the salt of this vault."""
        phrase = self._phrase()
        if phrase is None:
            raise SessionSealed("The vault is sealed with a passphrase, and none was given.", remedy=_REMEDY)
        return [_stretch(phrase, parameters)]

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """Nothing: a passphrase is kept nowhere."""

    def _phrase(self) -> Secret | None:
        text = self._ask() if self._ask else _from_file()
        if text is None:
            return None
        if not text:
            raise ConfigError("An empty passphrase protects nothing.", remedy="Choose several words.")
        return Secret(normalize("NFC", text).encode())


_REMEDY = "Run the command in a terminal, or let TELEKEEP_PASSPHRASE_FILE name a file (mode 0600) that holds it."


def _from_file() -> str | None:
    named = os.environ.get("TELEKEEP_PASSPHRASE_FILE")
    if not named:
        return None
    path = Path(named).expanduser()
    with border(path):
        check_private_file(path)
        data = path.read_bytes()
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"The passphrase file {path} is not UTF-8 text.") from None


def _stretch(phrase: Secret, parameters: Parameters) -> Secret:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        salt = b64decode(str(parameters["salt"]), validate=True)
        memory, passes, lanes = (int(parameters[name]) for name in ("memory", "passes", "lanes"))
    except (KeyError, ValueError, NotBase64):
        raise SessionCorrupt("The vault does not say how its passphrase is stretched.") from None
    bounded = 8 * lanes <= memory <= _MOST_MEMORY_KIB and 1 <= passes <= _MOST_PASSES and 1 <= lanes <= _MOST_LANES
    if len(salt) < 8 or not bounded:
        raise SessionCorrupt("The vault asks for a passphrase to be stretched beyond all bounds.")
    derivation = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return Secret(derivation.derive(phrase.reveal()))
