"""`telekeep history` and `telekeep restore`: what was kept before is not lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from cli.helpers import keep, new_session
from telekeep.keeper.keeper import Keeper


def _two_generations(keeper: Keeper):
    first = keep(keeper)
    second = new_session()
    keeper.vault.keep("main", second, fence=1, expected=1)
    return first, second


def test_history_lists_every_generation_newest_first(call, keeper: Keeper) -> None:
    _two_generations(keeper)
    listed = call("history", "main", "--json").json["generations"]
    assert [each["generation"] for each in listed] == [2, 1]
    assert "telekeep restore main" in call("history", "main").out


def test_history_tells_which_keys_telegram_has_ended(call, keeper: Keeper) -> None:
    first, _ = _two_generations(keeper)
    keeper.vault.quarantine(first.auth_key.id, "AuthKeyDuplicated", checked=True)
    listed = call("history", "main", "--json").json["generations"]
    assert [each["ended"] for each in listed] == [None, "AuthKeyDuplicated"]
    assert "key ended" in call("history", "main").out


def test_an_older_generation_comes_back_and_the_newer_one_stays_stored(call, keeper: Keeper) -> None:
    first, second = _two_generations(keeper)
    said = call("restore", "main", "--generation", "1", "--yes")
    assert said.code == 0, said
    assert keeper.vault.load("main").auth_key == first.auth_key
    assert keeper.vault.load("main", generation=2).auth_key == second.auth_key
    assert keeper.vault.entry("main").generation == 3


def test_a_damaged_newest_generation_is_rolled_back(call, keeper: Keeper, world: Path) -> None:
    first, _ = _two_generations(keeper)
    keeper.close()
    database = sqlite3.connect(world / "home" / "vault" / "sessions.db")
    database.execute("UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE generation = 2")
    database.commit()
    database.close()
    refused = call("export", "main", "--to", "telethon-string", "--yes")
    assert refused.code == 7 and "telekeep restore" in refused.err, refused
    said = call("restore", "main", "--generation", "1", "--yes")
    assert said.code == 0, said
    assert keeper.vault.load("main").auth_key == first.auth_key


def test_nothing_is_put_back_while_somebody_speaks(call, keeper: Keeper) -> None:
    first, second = _two_generations(keeper)
    for session in (first, second):
        lease = keeper.leases.try_acquire(session.auth_key.id)
        assert call("restore", "main", "--generation", "1", "--yes").code == 3
        lease.release()
    assert keeper.vault.entry("main").generation == 2


def test_a_generation_that_is_not_stored_is_said_so(call, keeper: Keeper) -> None:
    keep(keeper)
    said = call("restore", "main", "--generation", "9", "--yes")
    assert said.code == 1 and "telekeep history main" in said.err, said
