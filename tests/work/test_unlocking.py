"""A vault sealed with a passphrase, in a daemon: told once, kept for a time, forgotten."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
from pathlib import Path
from typing import Any

import pytest

from cli.helpers import new_session
from telekeep import paths
from telekeep.errors import ConfigError, SessionNotFound, SessionSealed
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.rotating import Rotated, rotate
from telekeep.secret import Secret
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.vault.keys.source import KeySource
from telekeep.work import daemon
from telekeep.work.keeping import DaemonKeeper
from upstream.own_time import own_time
from work.conftest import Running, Time, until

PHRASE = "mürrisches Pferd, falsche Batterie"


@pytest.fixture
def sealed(home: paths.Home, monkeypatch: pytest.MonkeyPatch) -> paths.Home:
    """A home whose vault has one session and opens by a passphrase."""
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    monkeypatch.setattr(passphrase, "PASSES", 1)
    with Keeper.open(key_source=Passphrase(lambda: PHRASE)) as keeper:
        keeper.vault_for_writing().keep("main", new_session(), fence=1, expected=None)
    return home


@pytest.fixture
def open_vault(home: paths.Home) -> paths.Home:
    """A home whose vault has one session and a key file."""
    with Keeper.open() as keeper:
        keeper.vault_for_writing().keep("main", new_session(), fence=1, expected=None)
    return home


async def locked(run: Any) -> bool:
    """Whether the vault is closed to the daemon's verbs; then they must name the way out."""
    try:
        await run.ask("session", name="main")
    except SessionSealed as error:
        assert error.remedy == "Run `telekeep unlock`."
        assert (await run.ask("status"))["locked"] is True
        return True
    assert (await run.ask("status"))["locked"] is False
    return False


def held_in_memory(fingerprint: str) -> bool:
    """Whether this process still has the secret with that fingerprint."""
    gc.collect()
    return any(isinstance(each, Secret) and each.fingerprint == fingerprint for each in gc.get_objects())


async def test_the_daemon_starts_locked_and_one_passphrase_opens_it(sealed: paths.Home, running: Running) -> None:
    async with running() as run:
        assert await locked(run)
        assert await run.ask("told") == [], "nothing is resumed that could not be opened"
        found = await run.ask("unlock", passphrase=PHRASE)
        assert (found["locked"], found["locks_in"], found["key_source"]) == (False, None, "passphrase")
        assert not await locked(run)
        assert await run.ask("told") == ["resume"]


async def test_a_wrong_passphrase_opens_nothing_and_is_told_nowhere(
    sealed: paths.Home, running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running() as run:
        for wrong in ("hunter2 and hunter3", None):
            with pytest.raises(SessionSealed) as error:
                await run.ask("unlock", passphrase=wrong)
            assert "hunter2" not in str(error.value) + str(error.value.remedy) + str(error.value.fields())
        with pytest.raises(ConfigError):
            await run.ask("unlock", passphrase="")
        assert await locked(run)
        await run.ask("unlock", passphrase=PHRASE)
        with pytest.raises(SessionSealed):
            await run.ask("unlock", passphrase="hunter2 and hunter3")
        assert not await locked(run), "a slip of the finger takes nothing away"
    assert "hunter2" not in caplog.text and PHRASE not in caplog.text


async def test_lock_forgets_the_key_and_lets_all_sessions_go(sealed: paths.Home, running: Running) -> None:
    async with running() as run:
        await run.ask("unlock", passphrase=PHRASE)
        assert not await locked(run)
        assert held_in_memory(run.keeper._held._keys[run.keeper.vault.id][0].fingerprint)
        fingerprint = run.keeper._held._keys[run.keeper.vault.id][0].fingerprint
        await run.ask("lock")
        assert await locked(run)
        assert run.owners.told == ["resume", "lock"]
        assert not run.keeper.holds_key
        assert not held_in_memory(fingerprint)
        await run.ask("unlock", passphrase=PHRASE)
        assert not await locked(run)


async def test_the_lifetime_ends_whether_or_not_somebody_asks(sealed: paths.Home, running: Running) -> None:
    async with running() as run:
        found = await run.ask("unlock", passphrase=PHRASE, seconds=3600)
        assert 0 < found["locks_in"] <= 3600
        assert not await locked(run)
        began = own_time()
        await run.ask("unlock", passphrase=PHRASE, seconds=0.2)
        await until(lambda: "lock" in run.owners.told)
        assert own_time() - began < 3, "not when it would look the next time"
        assert not run.keeper.holds_key
        assert await locked(run)


async def test_after_its_lifetime_no_verb_sees_the_key_however_long_the_machine_slept(
    sealed: paths.Home, running: Running
) -> None:
    clock = Time()
    async with running(clock=clock) as run:
        await run.ask("unlock", passphrase=PHRASE, seconds=8 * 3600)
        clock.ahead = 8 * 3600 - 60
        assert not await locked(run)
        clock.ahead = 8 * 3600
        assert await locked(run)
        await run.ask("unlock", passphrase=PHRASE, seconds=3600)
        clock.ahead += 1800
        await run.ask("unlock", passphrase=PHRASE, seconds=3600)
        clock.ahead += 1801
        assert not await locked(run), "unlocked anew: the time counts from then"


@pytest.mark.parametrize("seconds", [0, -1, math.nan, math.inf, "8h", True])
async def test_a_lifetime_that_is_none_is_refused(sealed: paths.Home, running: Running, seconds: object) -> None:
    async with running() as run:
        with pytest.raises(ConfigError, match="lifetime"):
            await run.ask("unlock", passphrase=PHRASE, seconds=seconds)
        assert await locked(run)


async def test_an_idle_daemon_that_holds_a_key_stays(
    sealed: paths.Home, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key would have to be typed again."""
    monkeypatch.setattr(daemon, "_ROUND", 0.02)
    clock = Time()
    async with running(idle=600, clock=clock) as run:
        await run.ask("unlock", passphrase=PHRASE, seconds=3600)
        clock.ahead += 3000
        await run.looks()
        assert not run.task.done()
        clock.ahead += 600
        await until(lambda: not run.keeper.holds_key)
        clock.ahead += 600
        async with asyncio.timeout(30):
            await run.task


async def test_a_vault_with_a_key_file_needs_no_unlocking_and_can_be_locked(
    open_vault: paths.Home, running: Running
) -> None:
    async with running() as run:
        assert not await locked(run)
        await run.ask("lock")
        assert await locked(run)
        assert (await run.ask("unlock"))["key_source"] == "key file"
        assert not await locked(run)


async def test_a_vault_that_changes_its_source_is_followed(open_vault: paths.Home, running: Running) -> None:
    async with running() as run:
        assert not await locked(run)
        with Keeper.open() as other:
            other.vault.rotate(Passphrase(lambda: PHRASE))
        assert await locked(run)
        await run.ask("unlock", passphrase=PHRASE)
        assert not await locked(run)
        with Keeper.open(key_source=Passphrase(lambda: PHRASE)) as other:
            other.vault.rotate(KeyFile(other.home.key_file))
        assert not await locked(run)


async def test_a_passphrase_file_that_the_daemon_was_given_opens_it_until_it_is_locked(
    sealed: paths.Home, running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "phrase"
    file.write_text(PHRASE)
    file.chmod(0o600)
    monkeypatch.setenv("TELEKEEP_PASSPHRASE_FILE", str(file))
    async with running() as run:
        assert not await locked(run)
        await run.ask("lock")
        assert await locked(run)


async def test_without_a_vault_there_is_nothing_to_unlock(home: paths.Home, running: Running) -> None:
    async with running() as run:
        with pytest.raises(SessionNotFound):
            await run.ask("unlock", passphrase=PHRASE)
        run.keeper.vault_for_writing().keep("main", new_session(), fence=1, expected=None)
        assert run.keeper.vault.key_source == "key-file", "a first vault is made as anywhere else"
        assert not await locked(run)


def test_the_key_itself_knows_when_its_time_is_over(sealed: paths.Home) -> None:
    """Whoever asks for it, and whether or not anybody has looked after the time."""
    clock = Time()
    with DaemonKeeper.open(clock=clock) as keeper:
        keeper.unlock(Secret(PHRASE.encode()), seconds=60)
        clock.ahead = 59
        assert keeper.vault.load("main").dc.id
        keeper.close()
        clock.ahead = 60
        with pytest.raises(SessionSealed):
            keeper.vault.load("main")


# ---- another key, while it runs


def told() -> Passphrase:
    return Passphrase(lambda: PHRASE)


async def rotated(to: KeySource, *, source: KeySource | None = None) -> Rotated:
    """As `telekeep vault rotate` does it, in another process."""

    def work() -> Rotated:
        with Keeper.open(key_source=source) as keeper:
            return rotate(keeper, to)

    return await asyncio.to_thread(work)


async def test_a_daemon_that_is_open_goes_on_with_a_new_passphrase_and_with_none(
    open_vault: paths.Home, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    async with running() as run:
        assert not run.keeper.holds_key and not await locked(run)
        assert (await rotated(told())).daemon is True
        assert run.keeper.holds_key and not await locked(run)
        for _ in range(3):
            assert (await rotated(told(), source=told())).daemon is True, "the same one, with a new salt"
            assert not await locked(run)
        assert len(run.keeper._held._keys[run.keeper.vault.id]) == 2, "keys of long ago are not kept"
        assert (await rotated(KeyFile(open_vault.key_file), source=told())).daemon is True
        assert not run.keeper.holds_key and not await locked(run)


async def test_a_daemon_that_is_locked_is_not_opened_by_a_new_key(sealed: paths.Home, running: Running) -> None:
    async with running() as run:
        assert (await rotated(told(), source=told())).daemon is False
        assert await locked(run)
        await run.ask("unlock", passphrase=PHRASE, seconds=0.2)
        await until(lambda: "lock" in run.owners.told)
        assert (await rotated(told(), source=told())).daemon is False
        assert await locked(run)
