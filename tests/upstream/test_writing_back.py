"""What a held client writes into the vault: the key at once, the rest in batches, nothing worse than what was there."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.crypto import AuthKey as TelethonKey
from telethon.tl.types import InputPeerChannel, InputPeerUser, PeerChannel, User, updates

from telekeep.errors import LeaseLost, SessionConflict, StaleFence
from telekeep.events import Event, SessionSaved
from telekeep.lease.lease import Lease
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, UpdateState
from telekeep.upstream import progress
from telekeep.upstream.cast import Cast, marked, unmarked
from telekeep.upstream.record import Kept, Record
from telekeep.upstream.writeback import VaultSession
from upstream.place import PHONE, Place, first_line, until

NEW_KEY = bytes(range(1, 256)) + b"\0"
BOB = Peer(PeerKind.USER, 7, 70, "Bob", "15551234", "Bob B")


def opened(place: Place, lease: Lease) -> tuple[Record, VaultSession]:
    stored = Kept.read(place.vault, "main")
    record = Record("main", stored, vault=place.vault, lease=lease, clock=place.clock, events=place.events)
    kept = VaultSession(stored.session.dc)
    kept.open(record, stored.session.dc)
    return record, kept


@pytest.fixture
async def lease(place: Place) -> Any:
    key_id = place.vault.load("main").auth_key.id
    lease = place.leases.try_acquire(key_id, floor=place.vault.entry("main").fence)
    yield lease
    lease.release()


async def test_a_new_key_and_data_center_are_on_disk_when_telethon_has_said_so(place: Place, lease: Lease) -> None:
    happened: list[Event] = []
    place.events.listen(happened.append)
    _, kept = opened(place, lease)
    kept.set_dc(4, "127.0.0.1", 9)
    kept.auth_key = TelethonKey(NEW_KEY)
    kept.save()
    stored = place.vault.load("main")
    assert (stored.dc, stored.auth_key) == (DataCenter(4, "127.0.0.1", 9), AuthKey(NEW_KEY))
    assert [event.generation for event in happened if isinstance(event, SessionSaved)] == [2]
    kept.save()  # nothing new: no generation
    assert len(place.vault.history("main")) == 2


async def test_no_key_is_written_for_a_key(place: Place, lease: Lease) -> None:
    """Telethon sets the key to None, or to an empty one, on its way to another data center."""
    _, kept = opened(place, lease)
    for empty in (None, TelethonKey(None)):
        kept.auth_key = empty
        kept.save()
    assert len(place.vault.history("main")) == 1


async def test_a_record_that_changed_meanwhile_is_not_overwritten(place: Place, lease: Lease) -> None:
    _, kept = opened(place, lease)
    session = place.vault.load("main")
    place.vault.keep("main", replace(session, dc=DataCenter(5, "127.0.0.1", 1)), fence=lease.fence, expected=1)
    kept.auth_key = TelethonKey(NEW_KEY)
    with pytest.raises(SessionConflict):
        kept.save()


async def test_a_newer_holder_ends_the_older_one(place: Place) -> None:
    """The fence belongs to the thing fenced: the vault refuses, and the client that hears of it closes."""
    client = place.client()
    await client.connect()
    session = place.vault.load("main")
    state = UpdateState(900, 0, 1, 0)
    place.vault.save_state("main", session.auth_key.id, state, fence=client._hold.lease.fence + 5)
    place.telegram.send(to=PHONE, text="hi")
    await until(lambda: client._message_box.session_state()[0]["pts"] > 4)
    client._write(client._hold)
    with pytest.raises(LeaseLost, match="newer holder"):
        await client.get_me()
    await until(place.is_free)
    assert place.state == state


async def test_a_lost_lease_writes_nothing(place: Place, lease: Lease) -> None:
    record, kept = opened(place, lease)
    lease.release()
    kept.auth_key = TelethonKey(NEW_KEY)
    with pytest.raises(LeaseLost):
        kept.save()
    record.state = UpdateState(900, 0, 1, 0)
    with pytest.raises((LeaseLost, StaleFence)):
        record.flush()
    assert place.vault.load("main").state is None


async def test_the_temporary_key_does_not_overwrite_the_permanent_one(place: Place, lease: Lease) -> None:
    """Telethon's own MemorySession answers with the permanent key."""
    _, kept = opened(place, lease)
    assert kept.tmp_auth_key is None
    kept.tmp_auth_key = TelethonKey(NEW_KEY)
    assert kept.tmp_auth_key.key == NEW_KEY
    kept.save()
    assert kept.auth_key.key == place.vault.load("main").auth_key.reveal()


async def test_the_key_is_forgotten_with_the_lease(place: Place) -> None:
    client = place.client()
    await client.connect()
    assert client.session.auth_key.key == place.vault.load("main").auth_key.reveal()
    await client.disconnect()
    assert client.session.auth_key is None and not client._sender.auth_key


async def test_kill_9_loses_only_what_came_since_the_last_batch(place: Place) -> None:
    """004-F3. And the record itself is whole."""
    worker = await place.start("""\
import asyncio, telekeep
from telekeep.upstream import held
held.FLUSH_SECONDS = 0.05

async def main():
    async with telekeep.client("main", direct=True) as client:
        print("up", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
""")
    await first_line(worker)
    place.telegram.send(to=PHONE, text="hi", count=5)
    await until(lambda: (state := place.vault.load("main").state) is not None and state.pts >= 9)
    worker.send_signal(signal.SIGKILL)
    await worker.communicate()
    assert place.vault.load("main").user is not None
    async with place.client() as client:
        assert await client.get_me()


async def test_a_program_that_ends_without_disconnecting_still_writes(place: Place) -> None:
    code, out, err = await place.run("""\
import asyncio, telekeep

async def main():
    client = telekeep.client("main", direct=True)
    await client.connect()
    await client.get_dialogs()
    print((await client.get_me()).first_name)
    globals()["kept_alive"] = client

asyncio.run(main())
""")
    assert (code, out) == (0, "Ada"), err
    assert place.state.pts >= 4, err
    assert place.is_free()


async def test_the_last_use_is_noted_when_telegram_accepts_it(place: Place) -> None:
    """000-F15: advice rests on the last authorized use."""
    before = place.clock.wall()
    async with place.client():
        pass
    used = place.vault.entry("main").last_used_at
    assert used is not None and before <= used <= place.clock.wall()
    place.telegram.fault("revoke")
    with pytest.raises(Exception, match="no longer knows"):
        await place.client().connect()
    assert place.vault.entry("main").last_used_at == used


async def test_who_we_are_is_learnt_once(place: Place) -> None:
    place.keep(replace(place.telegram.mint(place.ada), user=None), "unknown")
    for _ in range(2):
        async with place.client("unknown") as client:
            assert client._self_id == place.ada.id
    user = place.vault.load("unknown").user
    assert user is not None and (user.id, user.username, user.is_bot) == (place.ada.id, "ada", False)
    assert len(place.vault.history("unknown")) == 2


# ---- peers


async def test_peers_survive_and_are_found_without_asking(place: Place) -> None:
    async with place.client() as client:
        dialogs = await client.get_dialogs()
        met = next(each.entity for each in dialogs if isinstance(each.entity, User) and not each.entity.is_self)
    async with place.client() as client:
        asked = place.telegram.stats.rpc
        found = await client.get_input_entity(met.id)
        assert found == InputPeerUser(met.id, met.access_hash)
        if met.username:
            assert await client.get_input_entity(met.username.upper()) == found
        assert place.telegram.stats.rpc == asked


def test_a_peer_is_found_by_each_of_its_names() -> None:
    cast = Cast([BOB])
    found = [cast.by_id(7), cast.by_username("bOB"), cast.by_phone("15551234"), cast.by_name("Bob B")]
    assert found == [BOB] * 4 and cast.changed() == []


def test_a_name_that_changed_no_longer_finds_the_peer() -> None:
    cast = Cast([BOB])
    cast.meet(replace(BOB, username="robert"))
    assert cast.by_username("bob") is None and cast.by_username("robert") is not None
    cast.meet(Peer(PeerKind.USER, 8, 80, "bob"))
    assert {peer.id for peer in cast.changed()} == {7, 8}
    taken = cast.by_username("bob")
    assert taken is not None and taken.id == 8


def test_what_a_bare_reference_does_not_say_is_not_forgotten() -> None:
    """Telethon 1.40 reports peers again by id and hash only: names must survive it."""
    cast = Cast([BOB])
    cast.meet(Peer(PeerKind.USER, 7, 70))
    assert cast.by_id(7) == BOB and cast.changed() == []
    cast.meet(Peer(PeerKind.USER, 7, 71))
    assert cast.changed() == [replace(BOB, access_hash=71)] and cast.changed() == []


@pytest.mark.parametrize("kind", list(PeerKind))
def test_marked_ids_are_telethons(kind: PeerKind) -> None:
    from telethon import utils
    from telethon.tl import types

    peer = {PeerKind.USER: types.PeerUser, PeerKind.CHAT: types.PeerChat, PeerKind.CHANNEL: types.PeerChannel}[kind]
    for number in (1, 777_000, 2_147_483_648):
        assert marked(Peer(kind, number)) == utils.get_peer_id(peer(number))
        assert unmarked(utils.get_peer_id(peer(number))) == (kind, number)


async def test_a_channel_whose_id_is_also_a_users_is_found_as_a_channel(place: Place, lease: Lease) -> None:
    """Telethon looks a channel's state up by its bare id, and dies on whatever else has that number."""
    session = place.vault.load("main")
    state = UpdateState(5, 0, 1, 0, {7: 12})
    place.vault.save_state("main", session.auth_key.id, state, fence=lease.fence)
    channel = Peer(PeerKind.CHANNEL, 7, 77)
    place.vault.save_peers("main", session.auth_key.id, [BOB, channel], fence=lease.fence)
    _, kept = opened(place, lease)
    ((_, account), (number, state_of_channel)) = kept.get_update_states()
    assert (account.pts, state_of_channel.pts) == (5, 12)
    assert kept.get_input_entity(number) == InputPeerChannel(7, 77)
    assert kept.get_input_entity(7) == InputPeerUser(7, 70)
    assert kept.get_input_entity(PeerChannel(7)) == InputPeerChannel(7, 77)


# ---- update state, as decisions

KNOWN = UpdateState(100, 3, 1_700_000_000, 9, {7: 12})
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_zero_is_no_state() -> None:
    assert progress.account_seen(KNOWN, pts=0, qts=0, date=datetime.fromtimestamp(0, UTC), seq=0) == KNOWN
    assert progress.account_seen(None, pts=0, qts=0, date=NOW, seq=0) is None
    assert progress.box_seen(KNOWN, {"pts": 0, "qts": 0, "date": NOW, "seq": 0}, {}) == KNOWN
    assert progress.channel_seen(KNOWN, 7, 0) == KNOWN


def test_a_lower_number_of_telegrams_own_is_taken() -> None:
    seen = progress.account_seen(KNOWN, pts=40, qts=1, date=NOW, seq=2)
    assert seen == UpdateState(40, 1, int(NOW.timestamp()), 2, {7: 12})


def test_a_channel_that_the_box_dropped_is_remembered() -> None:
    """It drops channels whose access hash it lacks, without a word."""
    seen = progress.box_seen(KNOWN, {"pts": 101, "qts": 3, "date": NOW, "seq": 9}, {8: 5})
    assert seen is not None and seen.channels == {7: 12, 8: 5}


def test_telethon_gets_back_what_it_gave() -> None:
    given = progress.account_seen(KNOWN, pts=101, qts=3, date=NOW, seq=9)
    ((zero, account), (channel, state)) = progress.telethon_states(given)
    assert (zero, channel, state.pts) == (0, 7, 12)
    assert isinstance(account, updates.State) and (account.pts, account.qts, account.seq, account.date) == (
        101,
        3,
        9,
        NOW,
    )
    assert progress.telethon_states(None) == ()


async def test_flushing_twice_writes_once(place: Place, lease: Lease) -> None:
    record, kept = opened(place, lease)
    kept.set_update_state(0, updates.State(50, 0, NOW, 1, 0))
    kept.set_update_state(7, updates.State(6, 0, NOW, 0, 0))
    writes: list[UpdateState] = []
    original = place.vault.save_state
    place.vault.save_state = lambda *args, **options: (writes.append(args[2]), original(*args, **options))[1]  # type: ignore[method-assign]  # counted
    record.flush()
    record.flush()
    assert [each.pts for each in writes] == [50] and place.state.channels == {7: 6}
    await asyncio.sleep(0)
