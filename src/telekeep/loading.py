"""Loading Telethon without the garbage collector getting in the way.

Telethon is 70,000 objects that stay. Python's collector looks through them some hundred times while they are made, and
three times when the process ends: a quarter of what a short script takes. Measured by ``make bench`` (client).
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 60_000  # objects; a script that has just begun has some 25,000, Telethon not counted


@contextmanager
def settled() -> Iterator[None]:
    """Around the import of Telethon: what exists after it, the collector leaves alone until the process ends.

    In a young process only. In one that has lived, what it holds may yet become garbage, and the collector is left to
    do its work; likewise where the program steers the collector itself.
    """
    if "telethon" in sys.modules or not gc.isenabled() or gc.get_freeze_count() or len(gc.get_objects()) > _YOUNG:
        yield
        return
    gc.disable()
    try:
        yield
        gc.freeze()
        atexit.register(_thaw)
    finally:
        gc.enable()


def _thaw() -> None:
    """At the end everything is collected as ever: files in forgotten cycles are flushed, finalizers run.

    Of Python's collections at exit the first, before modules are taken down, finds only what the next finds as well.
    """
    gc.unfreeze()
    gc.disable()
