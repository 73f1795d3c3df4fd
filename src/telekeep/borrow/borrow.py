"""``telekeep.client(NAME)``: a client on a loan that the daemon of a home gives."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from telekeep import paths
from telekeep.borrow.asking import OPENING
from telekeep.borrow.loan import Loan
from telekeep.borrow.summon import ask_summoned
from telekeep.errors import TelekeepError
from telekeep.loading import settled
from telekeep.words import fitted

if TYPE_CHECKING:
    from telekeep.borrow.client import BorrowedClient


def client(
    name: str,
    *,
    grant: str = "full",
    label: str = "",
    home: Path | str | None = None,
    network: str | None = None,
    **options: Any,
) -> BorrowedClient:
    """A stock `telethon.TelegramClient` on a loan of the session kept as ``name``, not connected yet.

    ``grant``: what it may do (``full``, ``read-only``, ``archive``, or TL methods by name); ``label``: what others see
    it under. ``home`` and ``network`` as in `telekeep.Keeper.open`. ``options`` go to TelegramClient. Connecting
    (`async with`, or connect()) raises what `BorrowedClient.connect` says.
    """
    found = paths.home(Path(home).expanduser() if home else None)
    named = network or os.environ.get("TELEKEEP_NETWORK")
    with settled():
        from telekeep.borrow.client import borrowed_client
    fetch = partial(_fetched, name, found.root, named, grant, label)
    return borrowed_client(name, fetch, home=found.root, was_killed=found.control.exists, **options)


def _fetched(name: str, home: Path, network: str | None, grant: str, label: str, before: str | None) -> Loan:
    wanted = {"name": name, "grant": grant, "label": label or None, "loan": before}
    try:
        return Loan.read(ask_summoned(home, network, "borrow", timeout=OPENING, **wanted))
    except TelekeepError as error:
        error.remedy = fitted(error.remedy, name)
        raise
