"""The passphrase of a backup: typed at the terminal, or read from a file descriptor; never an argument."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from telekeep.cli.command import Usage
from telekeep.cli.passphrase import at_terminal, typed

if TYPE_CHECKING:
    from telekeep.vault.keys.passphrase import Passphrase

_MOST_BYTES = 4096


def new_passphrase(asked: bool, descriptor: int | None) -> Passphrase | None:
    """The passphrase to seal a backup with; None if neither option was given. Raises Usage if nobody can be asked."""
    if not asked and descriptor is None:
        return None
    from telekeep.vault.keys.passphrase import Passphrase

    if descriptor is not None:
        phrase = _read(descriptor)
        return Passphrase(lambda: phrase)
    if not at_terminal():
        raise Usage("Nobody can be asked for a passphrase here.", remedy="Hand it in with --passphrase-fd N.")
    return Passphrase(lambda: typed(new=True))


def known_passphrase(descriptor: int | None) -> Callable[[], str] | None:
    """What returns the passphrase of a backup when it is needed; None if nobody can be asked."""
    if descriptor is not None:
        phrase = _read(descriptor)
        return lambda: phrase
    return _typed if at_terminal() else None


def _typed() -> str:
    from getpass import getpass

    return getpass("Passphrase of the backup: ", stream=sys.stderr)


def _read(descriptor: int) -> str:
    try:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Usage(f"No passphrase can be read from descriptor {descriptor}.") from None
    if not text or len(data) > _MOST_BYTES:
        raise Usage(f"Descriptor {descriptor} gives no passphrase.")
    return text
