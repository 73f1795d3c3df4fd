"""The file that may lag may also be lost: no session becomes unreadable by it, and what was lost is said."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from telekeep.secret import Secret
from telekeep.session.model import Peer, PeerKind, UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.seal import Seal
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, flip, rows

KEY = a_session(1).auth_key.id
BARE = replace(a_session(1), state=None, peers=())


@pytest.fixture
def filled(vault: Vault) -> Vault:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.touch("a", fence=1, at=5.0)
    vault.close()
    return vault


def test_a_damaged_file_is_set_aside_begun_anew_and_reported(
    filled: Vault, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = b"no database" * 1000
    place.lagging.write_bytes(damaged)
    assert filled.load("a") == BARE
    assert any("set aside" in notice for notice in filled.notices)
    assert "set aside" in caplog.text
    (aside,) = place.folder.glob("lagging.db.damaged-*")
    assert aside.read_bytes() == damaged
    filled.save_state("a", KEY, UpdateState(1, 2, 3, 4), fence=1)
    filled.touch("a", fence=1, at=6.0)
    assert filled.load("a").state == UpdateState(1, 2, 3, 4)
    assert filled.entry("a").last_used_at == 6.0


def test_a_damaged_file_met_by_a_writer_is_replaced_before_the_write(filled: Vault, place: Place) -> None:
    flip(place.lagging, 20, 0x40)
    filled.save_state("a", KEY, UpdateState(1, 2, 3, 4), fence=1)
    assert filled.load("a").state == UpdateState(1, 2, 3, 4)


def test_a_deleted_file_is_no_trouble(filled: Vault, place: Place) -> None:
    place.lagging.unlink()
    assert filled.load("a") == BARE
    assert filled.entry("a").last_used_at is None
    filled.save_state("a", KEY, UpdateState(1, 2, 3, 4), fence=1)
    assert filled.load("a").state == UpdateState(1, 2, 3, 4)


def test_a_file_of_another_vault_is_set_aside(filled: Vault, place: Place) -> None:
    other = Vault.create(place.root / "other", place.key, clock=place.clock, marks=place.marks)
    other.keep("a", replace(a_session(1), state=UpdateState(666, 6, 6, 6)), fence=1, expected=None)
    other.close()
    shutil.copy(place.root / "other" / "lagging.db", place.lagging)
    assert filled.load("a") == BARE


def test_a_file_of_a_newer_telekeep_is_set_aside_not_overwritten(filled: Vault, place: Place) -> None:
    edit(place.lagging, "PRAGMA user_version = 9")
    assert filled.load("a") == BARE
    assert list(place.folder.glob("lagging.db.damaged-*"))


def test_a_row_that_does_not_open_is_left_out_and_the_others_are_read(filled: Vault, place: Place) -> None:
    edit(place.lagging, "UPDATE states SET sealed = zeroblob(length(sealed))")
    found = filled.load("a")
    assert found.state is None
    assert found.peers == filled.load("a").peers != ()
    assert any("1 damaged" in notice for notice in filled.notices)


def test_rows_exchanged_between_keys_or_peers_are_not_believed(filled: Vault, place: Place) -> None:
    """Access hashes belong to one authorization: another's must not pass for ours."""
    filled.keep("b", replace(a_session(2), state=UpdateState(9, 9, 9, 9)), fence=1, expected=None)
    filled.close()
    mine, other = filled.entry("a").lease, filled.entry("b").lease
    filled.close()
    edit(
        place.lagging,
        "UPDATE states SET sealed = (SELECT sealed FROM states WHERE lease = ?) WHERE lease = ?",
        other,
        mine,
    )
    (first, second) = rows(place.lagging, "SELECT row, sealed FROM peers WHERE lease = ? ORDER BY row", mine)
    for row, sealed in ((first[0], second[1]), (second[0], first[1])):
        edit(place.lagging, "UPDATE peers SET sealed = ? WHERE lease = ? AND row = ?", sealed, mine, row)
    found = filled.load("a")
    assert (found.state, found.peers) == (None, ())
    assert filled.load("b").state == UpdateState(9, 9, 9, 9)


def test_who_was_met_cannot_be_read_from_the_file(filled: Vault, place: Place) -> None:
    """Peers, user names and phone numbers are private: not even their ids lie in the clear."""
    seen = [Peer(PeerKind.USER, 0x1234567890, 0x1122334455667788, "somebody", "9996629999", "Somebody Else")]
    filled.save_peers("a", KEY, seen, fence=1)
    filled.flush()
    filled.close()
    content = b"".join(path.read_bytes() for path in place.folder.iterdir())
    for told in (b"somebody", b"Somebody", b"9996629999", b"9996621234", (0x1122334455667788).to_bytes(8, "big")):
        assert told not in content
    assert (0x1234567890).to_bytes(6, "big") not in content
    assert str(0x1234567890).encode() not in content


def test_who_was_met_cannot_be_guessed_without_the_key() -> None:
    """User ids are few: a plain hash of one would be found by trying them all."""
    vault_id = "0" * 32
    ids = {Seal(Secret(bytes([number]) * 32), vault_id).row_id("lease", "user", 7) for number in range(3)}
    assert len(ids) == 3


def test_a_broken_lagging_key_costs_only_what_lags(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE keys SET wrapped = zeroblob(60)")
    assert filled.load("a") == BARE
    filled.save_state("a", KEY, UpdateState(1, 2, 3, 4), fence=1)
    assert filled.load("a").state == UpdateState(1, 2, 3, 4)
    with place.open() as afresh:
        assert afresh.load("a").state == UpdateState(1, 2, 3, 4)


def test_a_batch_is_written_whole_or_not_at_all(filled: Vault) -> None:
    def peers() -> object:
        yield Peer(PeerKind.USER, 50, 1)
        raise RuntimeError("the line was lost")

    with pytest.raises(RuntimeError):
        filled.save_peers("a", KEY, peers(), fence=1)  # type: ignore[arg-type]  # breaks while it is read
    assert all(peer.id != 50 for peer in filled.load("a").peers)


def test_what_a_program_wrote_before_it_was_killed_is_there(filled: Vault, place: Place) -> None:
    """004-F3: state used to be saved at logout and disconnect only."""
    from vault.test_the_disk import in_a_child

    def write_and_die() -> None:
        import os
        import signal

        with place.open() as vault:
            vault.save_state("a", KEY, UpdateState(77, 2, 3, 4, {5: 6}), fence=1)
            os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(write_and_die)
    assert filled.load("a").state == UpdateState(77, 2, 3, 4, {5: 6})


def test_rows_of_a_key_that_no_generation_has_any_more_are_deleted(place: Place) -> None:
    from telekeep.vault.history import Retention

    place.create().close()
    vault = Vault(place.folder, clock=place.clock, marks=place.marks, retention=Retention(last=2, days=1))
    vault.keep("a", a_session(1), fence=1, expected=None)
    for number in (2, 3, 4):
        place.clock.advance(3 * 86_400)
        vault.keep("a", a_session(number), fence=1, expected=number - 1)
    vault.close()
    assert len(rows(place.lagging, "SELECT lease FROM states")) == 2
    assert [each.generation for each in vault.history("a")] == [4, 3]
    assert vault.load("a").peers == vault.load("a", generation=3).peers != ()
