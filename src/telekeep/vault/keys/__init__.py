"""Where a master key comes from, and what each place protects against.

==============  ======================================================================================================
key-file        default: whoever copies the home has no key; whoever reads all files of this user has
passphrase      nobody without the passphrase, however many files they have; a person must be there
keyring         nobody who is not logged in to this desktop as this user
credential      systemd's: nobody but the service, on this machine (with `systemd-creds encrypt`)
==============  ======================================================================================================
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import UnknownFormat
from telekeep.vault.keys.source import Parameters

if TYPE_CHECKING:
    from telekeep.vault.keys.source import KeySource

KEY_FILE = "key-file"
PASSPHRASE = "passphrase"
KEYRING = "keyring"
CREDENTIAL = "credential"


def worded(kind: str) -> str:
    """A kind of source as it is called in a sentence: "key file"."""
    return kind.replace("-", " ")


def source_for(kind: str, parameters: Parameters) -> KeySource:
    """The source that a vault records, as this machine finds it. Raises UnknownFormat for a kind we do not know."""
    if kind == KEY_FILE:
        from telekeep.vault.keys.file import KeyFile, find

        return KeyFile(find(recorded=Path(str(parameters["path"])) if "path" in parameters else None))
    if kind == PASSPHRASE:
        from telekeep.vault.keys.passphrase import Passphrase

        return Passphrase()
    if kind == KEYRING:
        from telekeep.vault.keys.keyring import Keyring

        return Keyring()
    if kind == CREDENTIAL:
        from telekeep.vault.keys.credential import Credential

        return Credential()
    raise UnknownFormat(
        f"This vault takes its key from {kind!r}, which this telekeep does not know.",
        remedy="Install the telekeep that made the vault, or give its key source.",
    )
