"""A program's own client on a kept session: sealed, leased and fenced, whichever library it is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from telethon import TelegramClient

from emulator.stock import QUICK, trust
from session.fixtures import make
from session.samples import fixture, fixture_session
from telekeep.emulator import Emulator
from telekeep.errors import (
    ConfigError,
    FormatLoss,
    LeaseLost,
    NeedsLogin,
    SessionBusy,
    SessionConflict,
    TelegramNetworkError,
)
from telekeep.keeper.keeper import Keeper
from telekeep.mtproto.schema import functions
from telekeep.session import formats
from telekeep.session.model import Peer, PeerKind, Session, UpdateState, User
from telekeep.upstream.storages.storage import (
    MemorySession,
    SqliteSession,
    Storage,
    VaultStorage,
    session_path,
    storage_of,
)
from telekeep.upstream.storages.telethon_session import VaultSession
from upstream.world import keep, own_world  # noqa: F401  # fixtures


@pytest.fixture
def kept(own_world: Path, telegram: Emulator):  # noqa: F811
    """Ada's session, kept as ``main``; the keeper is closed again."""
    account = telegram.add_account("9996621234", first_name="Ada", username="ada")
    session = replace(telegram.mint(account), user=User(account.id, False, "ada"))
    with Keeper.open(network=telegram.network) as keeper:
        keep(keeper, session)
    return session


def held_client(telegram: Emulator) -> TelegramClient:
    trust(telegram)
    return TelegramClient(VaultSession("main", network=telegram.network), 1, "0" * 32, **QUICK)


async def test_a_stock_telethon_client_runs_on_a_kept_session(kept: Session, telegram: Emulator) -> None:
    client = held_client(telegram)
    await client.connect()
    assert (await client.get_me()).username == "ada"
    await client.send_message("me", "hello")
    await client.disconnect()
    with Keeper.open(network=telegram.network) as keeper:
        after = keeper.vault.load("main")
    assert after.auth_key == kept.auth_key and after.state is not None and after.state.pts > 0
    assert PeerKind.USER in {peer.kind for peer in after.peers}


async def test_nobody_else_has_it_until_the_client_disconnects(kept: Session, telegram: Emulator) -> None:
    client = held_client(telegram)
    with pytest.raises(SessionBusy):
        VaultSession("main", network=telegram.network)
    await client.connect()
    with Keeper.open(network=telegram.network) as keeper, pytest.raises(SessionBusy):
        keeper.leases.try_acquire(kept.auth_key.id)
    await client.disconnect()
    VaultSession("main", network=telegram.network).close()


async def test_connecting_again_takes_the_lease_again(kept: Session, telegram: Emulator) -> None:
    client = held_client(telegram)
    await client.connect()
    await client.disconnect()
    with Keeper.open(network=telegram.network) as keeper:
        lease = keeper.leases.try_acquire(kept.auth_key.id)
        with pytest.raises(SessionBusy):
            await client.connect()
        lease.release()
    await client.connect()
    assert await client(functions.updates.GetStateRequest())
    await client.disconnect()


async def test_a_login_that_was_ended_on_purpose_is_set_aside(kept: Session, telegram: Emulator) -> None:
    client = held_client(telegram)
    await client.connect()
    await client.log_out()
    with Keeper.open(network=telegram.network) as keeper:
        assert [entry.state for entry in keeper.vault.entries()] == ["removed"]
        keeper.leases.try_acquire(kept.auth_key.id).release()


def test_another_network_is_refused(kept: Session) -> None:
    with pytest.raises(ConfigError, match="belongs to the network"):
        VaultSession("main")


# ---- kurigram


async def opened(telegram: Emulator) -> Any:
    """The storage of a kurigram client that has opened it, and has not connected."""
    from pyrogram import Client

    from telekeep.upstream.storages.kurigram_storage import VaultStorage as Kurigrams

    client = Client("main", api_id=1, api_hash="0" * 32, storage_engine=Kurigrams("main", network=telegram.network))
    await client.load_session()
    return client.storage


@pytest.mark.judge
async def test_kurigram_keeps_its_peers_and_state_in_the_vault(kept: Session, telegram: Emulator) -> None:
    from pyrogram import raw
    from pyrogram.storage import UpdateState as Told

    storage = await opened(telegram)
    with pytest.raises(SessionBusy):
        VaultSession("main", network=telegram.network)
    assert await storage.auth_key() == kept.auth_key.reveal()
    assert (await storage.dc_id(), await storage.server_address(), await storage.port()) == (
        kept.dc.id,
        kept.dc.host,
        kept.dc.port,
    )
    await storage.update_peers(
        [(9, 10, "user", "15550100"), (-7, 0, "group", None), (-1000000000012, 3, "channel", None)]
    )
    await storage.update_usernames([(9, ["nine", None])])
    await storage.set_update_state([Told(0, 5, 6, 1_700_000_000, 8), Told(-1000000000012, 4, None, None, None)])
    await storage.set_update_state(Told(0, 7, None, None, None))
    await storage.save()
    assert await storage.get_peer_by_username("nine") == raw.types.InputPeerUser(user_id=9, access_hash=10)
    assert await storage.get_peer_by_id(-7) == raw.types.InputPeerChat(chat_id=7)
    with pytest.raises(KeyError):
        await storage.get_peer_by_id(123)
    assert {each.id: each.pts for each in await storage.get_update_states()} == {0: 7, -1000000000012: 4}
    await storage.close()
    with Keeper.open(network=telegram.network) as keeper:
        after = keeper.vault.load("main")
    assert after.state == UpdateState(7, 6, 1_700_000_000, 8, {12: 4})
    assert Peer(PeerKind.USER, 9, 10, "nine", "15550100") in after.peers


@pytest.mark.judge
async def test_kurigram_cannot_replace_the_key(kept: Session, telegram: Emulator) -> None:
    storage = await opened(telegram)
    with pytest.raises(ConfigError, match="cannot be changed"):
        await storage.auth_key(os.urandom(256))
    await storage.auth_key(kept.auth_key.reveal())
    await storage.close()


@pytest.mark.judge
async def test_kurigram_is_not_given_a_session_of_nobody(own_world: Path, telegram: Emulator) -> None:  # noqa: F811
    """It would make a new key, and ask for a phone number."""
    minted = telegram.mint(telegram.add_account("9996621235"))
    with Keeper.open(network=telegram.network) as keeper:
        keep(keeper, replace(minted, user=None))
    with pytest.raises(NeedsLogin):
        await opened(telegram)
    VaultSession("main", network=telegram.network).close()  # nothing was left held


# ---- Telethon 2's interface

SAMPLE = replace(fixture_session("telethon-1.45"), user=User(make.SELF, False, "ada_l"), peers=())


async def test_a_file_comes_back_as_it_was_saved_and_is_nobody_elses(tmp_path: Path) -> None:
    storage = SqliteSession(tmp_path / "bot")
    assert await storage.load() is None
    await storage.save(SAMPLE)
    assert (tmp_path / "bot.session").stat().st_mode & 0o777 == 0o600
    await storage.close()
    assert await storage.load() == SAMPLE
    later = replace(SAMPLE, state=UpdateState(2000, 5, 1_704_153_600, 67))
    await storage.save(later)
    assert await SqliteSession(tmp_path / "bot.session").load() == later


@pytest.mark.parametrize("name", ["telethon-1.40", "telethon-1.45"])
async def test_a_file_of_telethon_1_is_read_and_kept_beside_the_new_one(name: str, tmp_path: Path) -> None:
    """004-F1: Telethon 2 drops its tables in place, and refuses schema 8 altogether."""
    (tmp_path / "bot.session").write_bytes(fixture(f"{name}.session"))
    storage = SqliteSession(tmp_path / "bot")
    session = await storage.load()
    assert session == fixture_session(name)
    await storage.save(session)
    assert (tmp_path / "bot.v1.session").read_bytes() == fixture(f"{name}.session")
    assert formats.recognise((tmp_path / "bot.session").read_bytes()).name == "telethon-v2"


async def test_what_another_program_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """004-F4."""
    first, second = SqliteSession(tmp_path / "bot"), SqliteSession(tmp_path / "bot")
    await first.save(SAMPLE)
    assert await second.load() == SAMPLE
    await second.save(replace(SAMPLE, state=None))
    with pytest.raises(SessionConflict):
        await first.save(SAMPLE)
    assert (await second.load()).state is None


async def test_somebody_elses_session_is_refused(tmp_path: Path) -> None:
    await SqliteSession(tmp_path / "bot").save(SAMPLE)
    with pytest.raises(ConfigError, match="not the session of user"):
        await SqliteSession(tmp_path / "bot", user_id=1).load()
    with pytest.raises(FormatLoss):
        await SqliteSession(tmp_path / "other").save(replace(SAMPLE, user=None))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("bot", "bot.session"),
        ("bot.session", "bot.session"),
        ("acct.work", "acct.work.session"),
        ("+1.old", "+1.old.session"),
    ],
)
def test_every_name_ends_in_session(given: str, named: str, tmp_path: Path) -> None:
    """004-F2: a .gitignore with *.session must catch them all."""
    assert session_path(tmp_path / given) == tmp_path / named


@pytest.mark.parametrize("given", ["", ".", "..", "/", "a\0b"])
def test_what_names_no_file_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match="names no file"):
        storage_of(given)


def test_a_file_that_is_there_under_the_other_rule_is_found(tmp_path: Path) -> None:
    (tmp_path / "acct.work").touch()
    assert session_path(tmp_path / "acct.work") == tmp_path / "acct.work"


async def test_what_a_client_takes_first(tmp_path: Path) -> None:
    own = MemorySession(SAMPLE)
    assert storage_of(own) is own and await own.load() == SAMPLE
    nothing = storage_of(None)
    assert await nothing.load() is None
    await nothing.save(SAMPLE)
    await nothing.close()
    assert await nothing.load() == SAMPLE
    for given in (str(tmp_path / "a"), tmp_path / "a"):
        assert storage_of(given).path == tmp_path / "a.session"
    for wrong, said in ((SAMPLE, "holds one"), (MemorySession, "not MemorySession"), (b"a", "not a bytes"), (7, "int")):
        with pytest.raises(TypeError, match=said):
            storage_of(wrong)


async def test_a_storage_of_ones_own_is_taken_as_it_is() -> None:
    """004-11. Three methods, and it may be loaded after it was closed."""

    class Own(Storage):
        kept: Session | None = None

        async def load(self) -> Session | None:
            return self.kept

        async def save(self, session: Session) -> None:
            self.kept = session

        async def close(self) -> None:
            pass

    own = storage_of(Own())
    await own.save(SAMPLE)
    await own.close()
    assert await own.load() == SAMPLE
    with pytest.raises(TypeError):
        Storage()


async def test_a_name_is_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bots").mkdir()
    monkeypatch.chdir(tmp_path)
    await storage_of("bots/bot").save(SAMPLE)
    assert (tmp_path / "bots" / "bot.session").is_file()


def test_without_sqlite3_only_files_are_missing() -> None:
    program = """
import sys
sys.modules["sqlite3"] = None
from telekeep.upstream.storages.storage import MemorySession, storage_of
assert isinstance(storage_of(None), MemorySession)
try:
    storage_of("bot")
except Exception as error:
    print(type(error).__name__, error.message, error.remedy)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert said.stdout.startswith("ConfigError This Python has no sqlite3"), said
    assert "MemorySession" in said.stdout


async def test_telethon_2s_storage_over_the_vault(kept: Session, telegram: Emulator) -> None:
    storage = VaultStorage("main", network=telegram.network)
    session = await storage.load()
    assert session.auth_key == kept.auth_key
    with pytest.raises(SessionBusy):
        await VaultStorage("main", network=telegram.network).load()
    state = UpdateState(77, 1, 1_700_000_000, 2)
    await storage.save(replace(session, state=state))
    with pytest.raises(ConfigError):
        await storage.save(SAMPLE)
    storage.check()
    await storage.close()
    with pytest.raises(NeedsLogin):
        await storage.save(session)
    with pytest.raises(TelegramNetworkError):
        storage.check()
    assert (await storage.load()).state == state
    for file in Path(os.environ["TELEKEEP_LEASES"]).iterdir():
        file.unlink()
    with pytest.raises(LeaseLost):
        await storage.save(session)
    with pytest.raises(LeaseLost):
        storage.check()
    await storage.close()
