"""The peers of a session that was put back lie in one piece until somebody adds to them: nothing of them is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.session.model import Peer, PeerKind
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.archive.returning import Wanted
from telekeep.vault.archive.sealing import unseal
from telekeep.vault.history import Retention
from telekeep.vault.stores import packs
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, rows

KEY = a_session(1).auth_key.id
FENCE = 1_000
PEERS = tuple(sorted(a_session(1).peers, key=lambda peer: (peer.kind, peer.id)))
BOB = next(each for each in PEERS if each.name == "Bob")
EVA = Peer(PeerKind.USER, 2, access_hash=9, name="Eva")


def put_back_anew(vault: Vault, place: Place) -> Vault:
    """The vault made anew, from an archive of what it holds."""
    archive = unseal(vault.archive(reason="test")[0].data, source=place.key)
    vault.close()
    place.folder.rename(place.root / f"gone {len(list(place.root.iterdir()))}")
    anew = Vault.recreate(place.folder, archive, source=None, clock=place.clock, marks=place.marks)
    sessions = zip(archive.header.sessions, archive.contents.copies, strict=True)
    anew.put_back(archive, [Wanted(header, copy, max(FENCE, header.fence), 0) for header, copy in sessions])
    return anew


@pytest.fixture
def restored(vault: Vault, place: Place) -> Iterator[Vault]:
    vault.keep("a", a_session(1), fence=1, expected=None)
    with put_back_anew(vault, place) as anew:
        yield anew


def pieces(place: Place) -> tuple[int, int]:
    """How many keys have their peers in one piece, and how many peers have a row of their own."""
    return tuple(rows(place.lagging, f"SELECT count(*) FROM {table}")[0][0] for table in ("packs", "peers"))  # type: ignore[return-value]  # two


def test_peers_are_read_as_they_are_and_written_to_as_ever(restored: Vault, place: Place) -> None:
    assert pieces(place) == (1, 0)
    assert restored.load("a").peers == PEERS
    restored.save_peers("a", KEY, [replace(BOB, access_hash=8, name=None), EVA], fence=FENCE)
    found = restored.load("a").peers
    assert set(found) == {*PEERS, EVA} - {BOB} | {replace(BOB, access_hash=8)}, "what a peer does not say is kept"
    assert pieces(place) == (0, 3) and restored.notices == []


def test_a_backup_of_it_holds_them_all_again(restored: Vault, place: Place) -> None:
    with put_back_anew(restored, place) as again:
        assert again.load("a").peers == PEERS
        again.save_peers("a", KEY, [EVA], fence=FENCE)
        with put_back_anew(again, place) as third:
            assert set(third.load("a").peers) == {*PEERS, EVA} and third.notices == []


def test_what_is_known_wins_over_what_comes_back(restored: Vault, place: Place) -> None:
    archive = unseal(restored.archive(reason="test")[0].data, source=place.key)
    newer = replace(BOB, access_hash=8)
    restored.save_peers("a", KEY, [newer], fence=FENCE)
    for number in (2, 3):  # into rows, then over what the first one left
        (header,), (copy,) = archive.header.sessions, archive.contents.copies
        restored.put_back(archive, [Wanted(header, copy, FENCE, number)])
        assert newer in restored.load("a").peers and len(restored.load("a").peers) == len(PEERS)


def test_a_piece_that_comes_back_twice_is_there_once(restored: Vault, place: Place) -> None:
    archive = unseal(restored.archive(reason="test")[0].data, source=place.key)
    (header,), (copy,) = archive.header.sessions, archive.contents.copies
    restored.put_back(archive, [Wanted(header, copy, FENCE, 2)])
    assert restored.load("a").peers == PEERS and pieces(place) == (0, 2)


def test_a_damaged_piece_costs_peers_is_told_and_stands_in_nobodys_way(restored: Vault, place: Place) -> None:
    restored.close()
    for damage in ("substr(peers, 1, 9)", "zeroblob(3)", "x'FFFFFFFF'", "'text'", "NULL", "peers || x'00'", "7"):
        edit(place.lagging, "DELETE FROM peers")
        edit(place.lagging, f"UPDATE packs SET peers = {damage}")
        with place.open() as vault:
            assert vault.load("a") == replace(a_session(1), peers=())
            assert any("1 damaged" in notice for notice in vault.notices), damage
            assert vault.archive(reason="test")[1] == {}, "the session itself is backed up"
            vault.save_peers("a", KEY, [EVA], fence=FENCE)
            assert vault.load("a").peers == (EVA,)
        edit(place.lagging, "INSERT INTO packs SELECT lease, x'' FROM states")


def test_any_byte_of_a_piece_may_be_wrong_and_no_peer_is(restored: Vault, place: Place) -> None:
    ((piece,),) = rows(place.lagging, "SELECT peers FROM packs")
    restored.close()
    with place.open() as vault:
        frame = 4 + (4 + 16) * len(PEERS)
        for at in {*range(frame), *random.sample(range(frame, len(piece)), k=20)}:
            edit(place.lagging, "UPDATE packs SET peers = ?", piece[:at] + bytes([piece[at] ^ 0x10]) + piece[at + 1 :])
            found = vault.load("a").peers
            assert set(found) < set(PEERS), "never a wrong one, and not all of them: the byte was of use"


def test_nothing_of_a_key_stays_that_no_record_holds_any_more(restored: Vault, place: Place) -> None:
    restored.close()
    short = Retention(last=1, days=0)
    with Vault(place.folder, clock=place.clock, marks=place.marks, source=place.key, retention=short) as vault:
        vault.keep("a", replace(a_session(2), peers=()), fence=FENCE, expected=2)
        place.clock.advance(60)
        vault.keep("a", replace(a_session(2), peers=()), fence=FENCE, expected=3)
        assert {each.lease for each in vault.history("a")} == {vault.entry("a").lease}
    assert pieces(place) == (0, 0)


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), st.binary(max_size=40)), max_size=8), st.data())
def test_a_piece_holds_what_was_put_into_it_and_a_cut_one_is_refused(
    whole: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    piece = packs.packed(whole)
    assert packs.is_whole(piece) and packs.unpacked(piece) == whole
    if piece:
        cut = piece[: data.draw(st.integers(1, len(piece) - 1))]
        assert packs.unpacked(cut) is None and not packs.is_whole(cut)
    anything = data.draw(st.binary(max_size=60))
    assert packs.is_whole(anything) == (packs.unpacked(anything) is not None)
