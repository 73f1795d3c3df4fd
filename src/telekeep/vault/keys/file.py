"""A key file: the default source.

The line ``telekeep key file, format 1``, then one key per line in base64, newest first. A key is added, never taken
away: several vaults may share the file, and a backup is sealed with the key of its day. Folder 0700, file 0600, checked
at every use.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from pathlib import Path

from telekeep.database import border
from telekeep.errors import SessionSealed
from telekeep.folder import beside, locked, publish
from telekeep.paths import check_private_file, home, private_folder, write_atomically
from telekeep.secret import Secret
from telekeep.vault.keys.source import Made, Parameters

HEADER = "telekeep key file, format 1"
KEY_BYTES = 32


class KeyFile:
    """The keys in the file at ``path``."""

    name = "key-file"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """The newest key of the file, or, if ``fresh``, one added to it. The file is made where there is none."""
        private_folder(self.path.parent)
        with border(self.path), locked(self.path.parent):
            found = self._read_if_there()
            if found and not fresh:
                return self._made(found[0])
            key = Secret(os.urandom(KEY_BYTES))
            if found:
                write_atomically(self.path, write_keys([key, *found]))
            else:
                self._write_first(key)
            return self._made(key)

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """All keys of the file, newest first."""
        with border(self.path):
            keys = self._read_if_there()
        if keys is None:
            raise SessionSealed(
                f"The key file {self.path} is not there; without it the vault stays sealed.",
                remedy="Put it back, or say where it is with TELEKEEP_KEY_FILE. No new key was made.",
            )
        return keys

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """Nothing: other vaults, and backups, may need the key."""

    def _read_if_there(self) -> list[Secret] | None:
        try:
            check_private_file(self.path)
            return read_keys(self.path.read_bytes(), str(self.path))
        except FileNotFoundError:
            return None

    def _write_first(self, key: Secret) -> None:
        draft = beside(self.path)
        try:
            write_atomically(draft, write_keys([key]))
            publish(draft, self.path)
        finally:
            draft.unlink(missing_ok=True)

    def _made(self, key: Secret) -> Made:
        return Made(key, {"path": str(self.path)})


def find(*, recorded: Path | None) -> Path:
    """Where the key file is: TELEKEEP_KEY_FILE, else where the vault ``recorded`` it, else the default place."""
    default = home().key_file
    if os.environ.get("TELEKEEP_KEY_FILE") or recorded is None:
        return default
    return recorded if recorded.exists() or not default.exists() else default


def write_keys(keys: Sequence[Secret]) -> bytes:
    """The text of a key file."""
    return "\n".join([HEADER, *(b64encode(key.reveal()).decode() for key in keys), ""]).encode()


def read_keys(data: bytes, where: str) -> list[Secret]:
    """The keys in the text of a key file. Raises SessionSealed, naming ``where`` and never showing the text."""
    try:
        header, *lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        header, lines = "", []
    if header.strip() != HEADER:
        raise SessionSealed(
            f"{where} is not a key file of telekeep: its first line is not {HEADER!r}.",
            remedy="Name the right file with TELEKEEP_KEY_FILE.",
        )
    try:
        keys = [Secret(b64decode(line, validate=True)) for line in map(str.strip, lines) if line]
    except NotBase64:
        keys = []
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise SessionSealed(
            f"The key file {where} is damaged: it needs {KEY_BYTES} bytes in base64 on each line after the first.",
            remedy="Put it back from where you keep a copy.",
        )
    return keys
