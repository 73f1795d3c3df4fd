"""The passphrase of a vault, typed at the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from telekeep.cli.output import Output
from telekeep.errors import ConfigError, TelekeepError

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.vault.keys.passphrase import Passphrase

TRIES = 3
SHORT = 8  # letters; a passphrase below is taken, and warned about


def at_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


def unlock_first(keeper: Keeper) -> None:
    """Ask for the passphrase now, if the vault has one and somebody can be asked: not later, in a step with a deadline.

    Raises SessionSealed if it is wrong.
    """
    from telekeep.vault.keys import PASSPHRASE
    from telekeep.vault.vault import Vault

    if not at_terminal() or not Vault.exists(keeper.home.vault):
        return
    try:
        asks = keeper.vault.key_source == PASSPHRASE
    except TelekeepError:  # a vault that cannot be read: the checks say why
        return
    if asks:
        keeper.vault.unlock()


def passphrase(*, new: bool) -> Passphrase:
    """The vault's passphrase as a key source: typed when it is needed, a new one twice.

    It comes from the file that TELEKEEP_PASSPHRASE_FILE names where that is set, or where nobody can be asked.
    """
    from telekeep.vault.keys.passphrase import Passphrase

    if os.environ.get("TELEKEEP_PASSPHRASE_FILE") or not at_terminal():
        return Passphrase()
    return Passphrase(lambda: typed(new=new))


def typed(*, new: bool) -> str:
    """A passphrase typed at the terminal, a new one twice. Raises ConfigError."""
    from telekeep.cli.live import LIVE

    with LIVE.aside():
        return _typed(new=new)


def _typed(*, new: bool) -> str:
    from getpass import getpass

    if not new:
        return getpass("Passphrase of the vault: ", stream=sys.stderr)
    for _ in range(TRIES):
        typed = getpass("New passphrase: ", stream=sys.stderr)
        if getpass("The same again: ", stream=sys.stderr) == typed:
            if 0 < len(typed) < SHORT:
                Output().warn(f"A passphrase of {len(typed)} letters is soon guessed: several words are better.")
            return typed
        Output().warn("The two passphrases differ.")
    raise ConfigError("The two passphrases differ.", remedy="Type the command again.")
