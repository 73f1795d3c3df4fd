"""Importing a large package without the garbage collector getting in the way.

Telethon is 70,000 objects that stay. Python's collector looks through them some hundred times while they are made, a
quarter of what the import takes; `telekeep.loading` spares telekeep's own programs the same. This program is somebody
else's: afterwards its collector finds everything as it would have without us, only later.
"""

from __future__ import annotations

import gc

if False:  # TYPE_CHECKING, without importing typing into every program
    from collections.abc import Callable


def at_rest(work: Callable[[], object]) -> None:
    """Call ``work`` while nothing is collected. A program that steers its collector itself is left to do so."""
    if not hasattr(gc, "freeze") or not gc.isenabled() or gc.get_freeze_count():  # PyPy has none
        work()
        return
    gc.disable()
    try:
        work()
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # all of it is old now, without having been looked through
    finally:
        gc.enable()
