"""A systemd credential: ``$CREDENTIALS_DIRECTORY/telekeep`` (systemd.exec(5), LoadCredentialEncrypted=).

Its content is a key file, or 32 or more random bytes. systemd makes and guards it; here it is only read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from telekeep.database import border
from telekeep.errors import ConfigError, SessionSealed
from telekeep.secret import Secret
from telekeep.vault.keys.file import HEADER, KEY_BYTES, read_keys
from telekeep.vault.keys.source import Made, Parameters

NAME = "telekeep"


class Credential:
    """The credential named ``telekeep`` of the service that runs us."""

    name = "credential"

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def make(self, vault_id: str, *, fresh: bool) -> Made:
        """The newest key of the credential. The vault refuses it if it is the one in force already."""
        try:
            return Made(self._keys()[0], {})
        except SessionSealed as error:
            raise ConfigError(error.message, remedy=error.remedy) from None

    def masters(self, vault_id: str, parameters: Parameters) -> Iterable[Secret]:
        """All keys of the credential, newest first."""
        return self._keys()

    def retire(self, vault_id: str, parameters: Parameters) -> None:
        """Nothing: the credential is systemd's."""

    def _keys(self) -> list[Secret]:
        folder = self._environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise SessionSealed(
                "The vault takes its key from a systemd credential, and none was handed to this process.",
                remedy=f"Run it as a service with LoadCredentialEncrypted={NAME}, or `systemd-run -p` with the same.",
            )
        path = Path(folder) / NAME
        with border(path):
            try:
                data = path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
            except FileNotFoundError:
                raise SessionSealed(
                    f"There is no systemd credential named {NAME!r}.",
                    remedy=f"Add LoadCredentialEncrypted={NAME} to the service.",
                ) from None
        if data.startswith(HEADER.encode()):
            return read_keys(data, f"the systemd credential {NAME!r}")
        if len(data) < KEY_BYTES:
            raise SessionSealed(
                f"The systemd credential {NAME!r} is too short for a key: it needs {KEY_BYTES} random bytes.",
                remedy=f"Make one: head -c {KEY_BYTES} /dev/urandom | systemd-creds encrypt --name={NAME} - FILE",
            )
        return [Secret(data)]
