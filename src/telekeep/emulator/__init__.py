"""A Telegram of our own on loopback, which ends sessions exactly as Telegram documents.

::

    async with Emulator() as telegram:
        ada = telegram.add_account("9996621234", messages=3)
        session = telegram.mint(ada)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telekeep.emulator.cluster import Emulator

__all__ = ["Emulator"]


def __getattr__(name: str) -> Any:
    """Load on first use: talking to a running emulator (`telekeep.emulator.control`) needs none of it."""
    if name == "Emulator":
        from telekeep.emulator.cluster import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
