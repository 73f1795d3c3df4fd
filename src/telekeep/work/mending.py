"""Carrying out what `telekeep.keeper.recover` has decided."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionConflict, StorageUnavailable
from telekeep.health.actions import Action, Clear, FinishRenewal, Protect, RebuildLagging, Recheck, RollBack
from telekeep.keeper import transfer
from telekeep.keeper.probe import recheck
from telekeep.keeper.renewing.finish import finish
from telekeep.work import alone

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper


def carry_out(keeper: Keeper, action: Action) -> None:
    """Carry ``action`` out for ``keeper``'s home; restarting the daemon is the command line's business.

    Raises SessionBusy while somebody uses the session, SessionConflict if a daemon has begun meanwhile, what the vault
    or the disk says, and what Telegram says of a key that stays set aside; nothing else was changed then.
    """
    match action:
        case Protect(path, mode):
            _protect(Path(path), mode)
        case Clear(path):
            _clear(keeper, Path(path))
        case RollBack(name, generation):
            transfer.put_back(keeper, name, generation)
        case RebuildLagging():
            keeper.vault.rebuild_lagging()
        case Recheck(name):
            asyncio.run(recheck(keeper, name))
        case FinishRenewal(name):
            asyncio.run(finish(keeper, name))
        case _:
            raise ConfigError(f"Nobody here can do this: {action.words}.")


def _protect(path: Path, mode: int) -> None:
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
            raise ConfigError(f"{path} is not ours to change.")
        path.chmod(mode)
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be changed: {error.strerror}.") from None


def _clear(keeper: Keeper, path: Path) -> None:
    """Remove what a daemon has left, while none can begin: under the daemon's own lock."""
    lock = alone.take(keeper.home)
    if lock is None:
        raise SessionConflict("A daemon runs now; what lies there is its own.", remedy="Nothing is to be done.")
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be removed: {error.strerror}.") from None
    finally:
        os.close(lock)
