"""Many sessions taken at once: one commit for all, and every fence on disk before its first packet."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from telekeep.errors import SessionBusy, SessionNotFound, StorageUnavailable
from telekeep.events import LeaseTaken
from telekeep.upstream.admission import Admission
from telekeep.vault.vault import Vault
from upstream.place import Place

NAMES = ("main", "second", "third")


@pytest.fixture
def several(place: Place) -> Place:
    for name in NAMES[1:]:
        place.keep(place.telegram.mint(place.ada), name)
    return place


def admitting(place: Place) -> dict[str, Any]:
    return {"admission": Admission(place.vault)}


async def test_the_fences_are_on_disk_before_the_first_packet_of_any(
    several: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = []
    admit = Vault.admit

    def counted(self: Vault, fences: Any) -> Any:
        fences = list(fences)
        commits.append([name for name, _, _ in fences])
        return admit(self, fences)

    found: list[tuple[str, int, int]] = []
    with Vault.open(several.vault.folder, clock=several.clock, marks=several.root / "state") as other:
        several.events.listen(
            lambda event: (
                isinstance(event, LeaseTaken) and found.append((event.name, event.fence, other.entry(event.name).fence))
            )
        )
        monkeypatch.setattr(Vault, "admit", counted)
        terms = admitting(several)
        clients = [several.client(name, terms=terms) for name in NAMES]
        packets = several.telegram.stats.connections
        await asyncio.gather(*(client.connect() for client in clients))
        assert several.telegram.stats.connections == packets + len(NAMES)
        await asyncio.gather(*(client.disconnect() for client in clients))
    assert commits == [list(NAMES)]
    assert sorted(name for name, _, _ in found) == sorted(NAMES)
    assert all(fence == on_disk for _, fence, on_disk in found)


async def test_one_that_was_removed_meanwhile_harms_no_other(several: Place) -> None:
    terms = admitting(several)
    clients = [several.client(name, terms=terms) for name in NAMES]
    lease = several.leases.try_acquire(several.vault.load("second").auth_key.id)
    several.vault.remove("second", fence=lease.fence)
    lease.release()
    ends = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), SessionNotFound, type(None)]
    assert all(client.is_connected() == (client is not clients[1]) for client in clients)
    for client in clients:
        await client.disconnect()


@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
async def test_whoever_comes_after_a_newer_fence_takes_one_that_is_newer_still(several: Place, together: bool) -> None:
    """Somebody with another clock held the session between our reading it and our taking it."""
    client = several.client("second", terms=admitting(several) if together else {})
    several.vault.touch("second", fence=1 << 61, at=several.clock.wall())
    taken: list[int] = []
    several.events.listen(lambda event: isinstance(event, LeaseTaken) and taken.append(event.fence))
    async with client:
        client.session.process_entities([await client.get_me()])
    assert taken == [(1 << 61) + 1]
    assert several.vault.entry("second").fence == taken[0]


async def test_where_the_vault_takes_no_fence_the_lease_file_does(
    several: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Vault, fences: Any) -> Any:
        raise StorageUnavailable("The disk is full.")

    synced: list[int] = []
    sync = os.fdatasync
    monkeypatch.setattr("telekeep.lease.local._sync", lambda descriptor: (synced.append(descriptor), sync(descriptor)))
    monkeypatch.setattr(Vault, "admit", full)
    async with several.client("second", terms=admitting(several)) as client:
        assert client.is_connected()
    assert len(synced) == 1


async def test_a_key_that_lies_in_a_file_by_now_is_not_used(several: Place) -> None:
    clients = [several.client(name, terms=terms) for terms in [admitting(several)] for name in NAMES]
    several.vault.keep_adoption("1", b"", original=b"", away=[several.vault.entry("second").lease])
    connections = several.telegram.stats.connections
    ends = await asyncio.gather(*(client.connect() for client in clients), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), SessionBusy, type(None)]
    assert several.telegram.stats.connections == connections + 2
    assert several.is_free("second")
    for client in clients:
        await client.disconnect()
