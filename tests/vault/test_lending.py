"""Loans and endpoints in the vault: what is changed in the file is seen and named, and no key of theirs lies open."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from base64 import b64encode

import pytest

from telekeep.errors import RecordSwapped, SessionCorrupt, SessionSealed, TelekeepError
from telekeep.gateway.loans import Loan
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.lending import StoredLoan
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit, rows
from vault.test_the_disk import in_a_child

LOAN = "kind = 'loan' AND name = ? AND id = ?"


@pytest.fixture
def filled(vault: Vault) -> Vault:
    """Two sessions with two loans each and an endpoint; closed, so that it can be operated on."""
    for number, name in enumerate("ab"):
        vault.keep(name, a_session(number), fence=1, expected=None)
        vault.keep_endpoint(name, f"endpoint of {name}".encode())
        for loan in "12":
            vault.keep_loan(name, loan, f"loan {loan} of {name}".encode())
    vault.close()
    return vault


def payloads(vault: Vault, name: str | None = None) -> list[bytes]:
    return [loan.payload for loan in vault.loans(name)]


@pytest.mark.parametrize("column", ["wrapped", "sealed"])
def test_one_changed_byte_costs_one_loan_which_is_named(filled: Vault, place: Place, column: str) -> None:
    ((value,),) = rows(place.sessions, f"SELECT {column} FROM belongings WHERE {LOAN}", "a", "1")
    for at in range(0, len(value), 5):
        changed = value[:at] + bytes((value[at] ^ 0x10,)) + value[at + 1 :]
        edit(place.sessions, f"UPDATE belongings SET {column} = ? WHERE {LOAN}", changed, "a", "1")
        assert payloads(filled) == [b"loan 2 of a", b"loan 1 of b", b"loan 2 of b"]
        assert payloads(filled, "a") == [b"loan 2 of a"]
    assert filled.notices == [
        "The loan '1' of the session 'a' is damaged: its seal is broken. It was left out."
    ]  # once, though it was asked for again and again
    filled.keep_loan("a", "1", b"made anew")
    assert payloads(filled, "a") == [b"made anew", b"loan 2 of a"]


@pytest.mark.parametrize("value", [None, 7, 1.5, "text", b""])
@pytest.mark.parametrize("column", ["wrapped", "sealed"])
def test_a_field_of_another_type_costs_one_loan_too(filled: Vault, place: Place, column: str, value: object) -> None:
    edit(place.sessions, f"UPDATE belongings SET {column} = ? WHERE {LOAN}", value, "a", "1")
    assert payloads(filled) == [b"loan 2 of a", b"loan 1 of b", b"loan 2 of b"]
    assert len(filled.notices) == 1
    filled.drop_loan("a", "1")
    assert payloads(filled, "a") == [b"loan 2 of a"]


@pytest.mark.parametrize("columns", [("wrapped", "sealed"), ("sealed",)])
def test_a_loan_put_in_the_place_of_another_does_not_open_and_is_named(
    filled: Vault, place: Place, columns: tuple[str, ...]
) -> None:
    """Else a loan that was revoked, or one of another session, could be given the place of one that is open."""
    for column in columns:
        edit(
            place.sessions,
            f"UPDATE belongings SET {column} = (SELECT {column} FROM belongings WHERE {LOAN}) WHERE {LOAN}",
            *("b", "2", "a", "1"),
        )
    assert payloads(filled) == [b"loan 2 of a", b"loan 1 of b", b"loan 2 of b"]
    (notice,) = filled.notices
    assert "the loan '2' of the session 'b'" in notice
    assert notice.startswith("The loan '1' of the session 'a' holds what was sealed for")


def test_two_loans_that_changed_places_are_both_refused(filled: Vault, place: Place) -> None:
    for old, new in (("1", "x"), ("2", "1"), ("x", "2")):
        edit(place.sessions, f"UPDATE belongings SET id = ? WHERE {LOAN}", new, "a", old)
    assert payloads(filled) == [b"loan 1 of b", b"loan 2 of b"]
    assert all("holds what was sealed for" in notice for notice in filled.notices)
    assert len(filled.notices) == 2


def test_a_loan_moved_to_another_session_or_kind_is_refused(filled: Vault, place: Place) -> None:
    edit(place.sessions, f"UPDATE belongings SET name = 'b', id = '3' WHERE {LOAN}", "a", "1")
    edit(place.sessions, f"UPDATE belongings SET kind = 'moan' WHERE {LOAN}", "a", "2")
    assert payloads(filled) == [b"loan 1 of b", b"loan 2 of b"]
    said = "\n".join(filled.notices)
    assert "holds what was sealed for" not in said, "there is no row it was sealed for"
    assert "The loan '3' of the session 'b' is damaged" in said
    assert "unknown kind 'moan'" in said


def test_an_endpoint_that_is_damaged_or_swapped_is_an_error_and_can_be_replaced(filled: Vault, place: Place) -> None:
    """It must not look as if there were none: the gateway would move, and every loan point nowhere."""
    where = "kind = 'endpoint' AND name = ?"
    ((mine,), (others,)) = rows(place.sessions, "SELECT sealed FROM belongings WHERE kind = 'endpoint' ORDER BY name")
    edit(place.sessions, f"UPDATE belongings SET sealed = ? WHERE {where}", others, "a")
    with pytest.raises(RecordSwapped, match=r"address of the session 'a' holds what was sealed for .* session 'b'"):
        filled.endpoint("a")
    edit(place.sessions, f"UPDATE belongings SET sealed = ? WHERE {where}", mine[:-1] + b"\0\0", "a")
    with pytest.raises(SessionCorrupt, match="its seal is broken") as raised:
        filled.endpoint("a")
    assert type(raised.value) is SessionCorrupt
    assert filled.endpoint("b") == b"endpoint of b"
    assert len(filled.loans()) == 4
    filled.keep_endpoint("a", b"anew")
    assert filled.endpoint("a") == b"anew"


def test_a_damaged_session_does_not_hide_what_is_lent_of_it(filled: Vault, place: Place) -> None:
    edit(place.sessions, "UPDATE generations SET network = 'x' WHERE name = 'a'")
    assert payloads(filled, "a") == [b"loan 1 of a", b"loan 2 of a"]
    with pytest.raises(SessionCorrupt):
        filled.keep_loan("a", "3", b"loan")


def test_a_session_put_back_to_before_its_removal_lends_nothing(filled: Vault, place: Place) -> None:
    filled.remove("a", fence=1)
    filled.close()
    edit(place.sessions, "UPDATE records SET generation = 1 WHERE name = 'a'")
    assert payloads(filled) == [b"loan 1 of b", b"loan 2 of b"]


def test_a_new_master_key_opens_what_the_old_one_sealed(filled: Vault, place: Place) -> None:
    edit(place.sessions, f"UPDATE belongings SET wrapped = zeroblob(60) WHERE {LOAN}", "b", "1")
    before = {row for (row,) in rows(place.sessions, "SELECT wrapped FROM belongings")}
    filled.rotate(place.key)
    assert any("1 data keys were damaged already" in notice for notice in filled.notices)
    wanted = [b"loan 1 of a", b"loan 2 of a", b"loan 2 of b"]
    assert payloads(filled) == wanted
    filled.close()
    kept = before & {row for (row,) in rows(place.sessions, "SELECT wrapped FROM belongings")}
    assert kept == {bytes(60)}, "only what was damaged is still wrapped as it was"
    with place.open() as afresh:
        assert payloads(afresh) == wanted
        assert afresh.endpoint("a") == b"endpoint of a"


def test_a_wrong_key_is_not_damage(filled: Vault, place: Place) -> None:
    other = KeyFile(place.root / "other" / "key")
    other.make("0" * 32, fresh=False)
    with place.open(other) as stranger:
        for ask in (
            stranger.loans,
            lambda: stranger.endpoint("a"),
            lambda: stranger.keep_loan("a", "1", b"mine"),
            lambda: stranger.keep_endpoint("a", b"mine"),
            lambda: stranger.journal("a", 1),
        ):
            with pytest.raises(SessionSealed):
                ask()
        assert stranger.notices == []
        stranger.drop_loan("a", "2")  # as good as deleting the row: needs no key
    assert payloads(filled, "a") == [b"loan 1 of a"]


def test_several_processes_lend_of_one_vault_at_the_same_time(filled: Vault, place: Place) -> None:
    program = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.vault.vault import Vault
root, number = Path(sys.argv[1]), sys.argv[2]
with Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state") as vault:
    for turn in range(15):
        vault.keep_loan("a", f"{number}.{turn}", f"loan {number}.{turn}".encode())
        vault.keep_loan("a", "shared", number.encode())
        vault.begin_doubt("a", f"{number}.{turn}".encode(), 4e9)
        if turn % 2:
            vault.drop_loan("a", f"{number}.{turn}")
            vault.end_doubts("a", [f"{number}.{turn}".encode()])
        assert len(vault.loans("b")) == 2
    assert vault.notices == []
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(place.root), str(number)], stderr=subprocess.PIPE, text=True
        )
        for number in range(4)
    ]
    for process in running:
        _, said = process.communicate(timeout=200)
        assert process.returncode == 0, said
    expected = {f"{number}.{turn}" for number in range(4) for turn in range(0, 15, 2)}
    assert {loan.id for loan in filled.loans("a")} == {*expected, "1", "2", "shared"}
    assert set(filled.doubts("a")) == {each.encode() for each in expected}


def test_a_loan_is_there_after_the_process_that_made_it_was_killed(filled: Vault, place: Place) -> None:
    def lend_and_die() -> None:
        import signal

        with place.open() as vault:
            vault.keep_loan("a", "3", b"loan 3 of a")
            os.kill(os.getpid(), signal.SIGKILL)

    in_a_child(lend_and_die)
    assert payloads(filled, "a")[-1] == b"loan 3 of a"


def test_no_key_of_a_loan_lies_in_any_file_or_shows_in_any_word(
    vault: Vault, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vault.keep("a", a_session(1), fence=1, expected=None)
    loan = Loan.mint(session="a", label="Zq7xWm label", grant="full", made_at=1.0)
    vault.keep_loan("a", loan.id, loan.to_payload())
    vault.keep_loan("a", loan.id, loan.ended("revoked", 2.0).to_payload())
    vault.keep_endpoint("a", b"Zq7xWm endpoint")
    vault.save_journal("a", a_session(1).auth_key.id, [(1, b"Zq7xWm entry" * 50)], keep_from=1, fence=1)
    (stored,) = vault.loans("a")
    assert Loan.from_payload(stored.payload) == loan.ended("revoked", 2.0)
    key = loan.key.reveal()
    secrets = (key[:16], key[-16:], key.hex().encode(), b64encode(key)[8:40], b"Zq7xWm", b"Zq7xWm".hex().encode())
    vault.flush()
    for path in [*place.folder.iterdir(), *place.marks.iterdir()]:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path.name
    said = [repr(stored), str(stored), f"{stored}", repr([stored]), repr(vault.loans())]
    edit(place.sessions, "UPDATE belongings SET sealed = zeroblob(99)")
    vault.loans()
    with pytest.raises(TelekeepError) as raised:
        vault.endpoint("a")
    said += [str(raised.value), str(raised.value.remedy), json.dumps(raised.value.fields())]
    everything = "\n".join([*said, caplog.text, *vault.notices]).encode()
    assert b"is damaged" in everything
    assert not any(secret in everything for secret in (*secrets, b"x".join([key[:8]])))


def test_a_dropped_loan_is_really_gone(filled: Vault, place: Place) -> None:
    ((sealed,),) = rows(place.sessions, f"SELECT sealed FROM belongings WHERE {LOAN}", "a", "1")
    filled.drop_loan("a", "1")
    filled.close()
    assert sealed not in place.sessions.read_bytes(), "it still lies in a free page"


def test_names_and_ids_that_run_into_one_another_are_told_apart(vault: Vault, place: Place) -> None:
    vault.keep("a", a_session(1), fence=1, expected=None)
    vault.keep("a1", a_session(2), fence=1, expected=None)
    vault.keep_loan("a", "1x", b"one")
    vault.keep_loan("a1", "x", b"other")
    assert vault.loans() == [StoredLoan("a", "1x", b"one"), StoredLoan("a1", "x", b"other")]
    vault.close()
    (row,) = rows(place.sessions, f"SELECT wrapped, sealed FROM belongings WHERE {LOAN}", "a", "1x")
    edit(place.sessions, f"UPDATE belongings SET wrapped = ?, sealed = ? WHERE {LOAN}", *row, "a1", "x")
    assert vault.loans() == [StoredLoan("a", "1x", b"one")]
