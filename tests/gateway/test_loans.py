"""A loan is a session like any other to the program that has it, and shows its key to nobody else."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.sessions import StringSession

from telekeep.errors import SessionCorrupt
from telekeep.gateway.loans import Loan
from telekeep.session.formats.telethon_sqlite import TelethonSqlite
from telekeep.session.formats.telethon_string import TelethonString
from telekeep.session.model import DataCenter, User

LOAN = Loan.mint(session="main", label="the bot", grant="read-only", made_at=100.0, expires_at=200.0)
TABLE = json.loads(LOAN.to_payload())
FOREVER = replace(LOAN, expires_at=None)


def test_every_loan_has_an_id_and_a_key_of_its_own() -> None:
    loans = [Loan.mint(session="main", label="", grant="full", made_at=1.0) for _ in range(50)]
    assert len({loan.id for loan in loans}) == len({loan.key for loan in loans}) == 50
    assert all(len(loan.id) == 8 and loan.key.id and len(loan.key) == 256 for loan in loans)


def test_an_id_that_is_taken_is_not_given_again() -> None:
    """It would be kept in the place of the other loan, which would end by that."""

    class AllButOne:
        asked = 0

        def __contains__(self, loan_id: object) -> bool:
            self.asked += 1
            return self.asked < 20

    taken = AllButOne()
    Loan.mint(session="main", label="", grant="full", made_at=1.0, taken=taken)
    assert taken.asked == 20


def test_a_label_can_be_shown_on_a_terminal() -> None:
    loan = Loan.mint(session="main", label="a\x1b[31m red\nline " + "x" * 500, grant="full", made_at=1.0)
    assert loan.label.isprintable()
    assert len(loan.label) <= 80
    assert loan.label.startswith("a?[31m red line")


@pytest.mark.parametrize(("now", "state"), [(100.0, "open"), (199.9, "open"), (200.0, "expired"), (1e12, "expired")])
def test_a_loan_is_open_until_its_time_is_over(now: float, state: str) -> None:
    assert LOAN.state(now) == state
    assert FOREVER.state(now) == "open"


@pytest.mark.parametrize("why", ["revoked", "expired", "logged out"])
def test_a_loan_that_has_ended_stays_so_and_remembers_why(why: str) -> None:
    ended = FOREVER.ended(why, 150.0)
    assert (ended.state(0.0), ended.state(150.0), ended.state(1e12)) == (why, why, why)
    assert ended.ended("revoked", 160.0) is ended
    assert FOREVER.state(150.0) == "open", "a value: the one before is as it was"
    assert Loan.from_payload(ended.to_payload()).state(0.0) == why


def test_a_loan_does_not_end_for_a_reason_nobody_knows() -> None:
    with pytest.raises(ValueError):
        LOAN.ended("open", 150.0)


def test_the_last_use_only_moves_forward() -> None:
    assert LOAN.used(150.0).last_used == 150.0
    assert LOAN.used(150.0).used(120.0).last_used == 150.0


NUMBERS = st.floats(-1e12, 1e12) | st.integers(0, 2**40).map(float)


@given(st.text(), st.text(), NUMBERS, st.none() | NUMBERS, st.booleans(), st.none() | st.sampled_from(["revoked"]))
def test_what_was_kept_is_what_comes_back(
    label: str, grant: str, made_at: float, expires_at: float | None, lasting: bool, ended: str | None
) -> None:
    loan = Loan.mint(
        session="main", label=label, grant=grant, made_at=made_at, expires_at=expires_at, lasting=lasting
    ).used(made_at + 5)
    if ended:
        loan = loan.ended(ended, made_at + 9)
    back = Loan.from_payload(loan.to_payload())
    assert back == loan
    assert back.key.reveal() == loan.key.reveal()


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 0},
        {"v": None},
        {"id": "../../x"},
        {"id": 7},
        {"session": None},
        {"label": 5},
        {"grant": ["full"]},
        {"key": ""},
        {"key": "AAAA"},
        {"key": b64encode(bytes(256)).decode()},
        {"key": b64encode(b"k" * 256).decode() + "\n!"},
        {"key": None},
        {"made_at": "today"},
        {"expires_at": "never"},
        {"expires_at": float("nan")},
        {"expires_at": float("inf")},
        {"expires_at": True},
        {"last_used": None},
        {"lasting": 1},
        {"layer": "149"},
        {"layer": True},
        {"host": 7},
        {"ended_at": 5.0},
        {"ended_why": "revoked"},
        {"ended_at": 5.0, "ended_why": "open"},
        {"ended_at": 5.0, "ended_why": None},
    ],
)
def test_a_field_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SessionCorrupt):
        Loan.from_payload(json.dumps({**TABLE, **changes}).encode())


def test_a_loan_of_the_first_release_knows_no_layer_and_no_host() -> None:
    old = {name: value for name, value in TABLE.items() if name not in ("layer", "host")}
    loan = Loan.from_payload(json.dumps(old).encode())
    assert (loan.layer, loan.host) == (None, None)


@pytest.mark.parametrize("field", sorted(set(TABLE) - {"layer", "host"}))
def test_a_field_that_is_missing_is_refused(field: str) -> None:
    with pytest.raises(SessionCorrupt):
        Loan.from_payload(json.dumps({name: value for name, value in TABLE.items() if name != field}).encode())


@given(st.binary(max_size=200))
def test_bytes_that_are_no_loan_are_refused_by_name(payload: bytes) -> None:
    with pytest.raises(SessionCorrupt):
        Loan.from_payload(payload)


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{}", b'"text"', b"[" * 100_000, LOAN.to_payload()[:-5]])
def test_a_payload_that_is_cut_or_odd_is_refused_by_name(payload: bytes) -> None:
    with pytest.raises(SessionCorrupt, match="cannot be read"):
        Loan.from_payload(payload)


def test_a_loan_of_a_newer_telekeep_is_said_to_be_one() -> None:
    with pytest.raises(SessionCorrupt, match="newer telekeep"):
        Loan.from_payload(json.dumps({"v": 2, "something": "else"}).encode())


def test_no_word_about_a_loan_shows_its_key() -> None:
    key = LOAN.key.reveal()
    said = [repr(LOAN), str(LOAN), repr(LOAN.as_session(DataCenter(2, "127.0.0.1", 1), "test", None))]
    for payload in (LOAN.to_payload()[:-2], LOAN.to_payload().replace(b'"v": 1', b'"v": "x"')):
        with pytest.raises(SessionCorrupt) as raised:
            Loan.from_payload(payload)
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__ or raised.value.__context__ is None, "a traceback would quote it"
        said += [str(raised.value), repr(raised.value.__notes__)]
    for shown in said:
        assert b64encode(key).decode()[:20] not in shown
        assert key.hex()[:20] not in shown
        assert repr(key)[2:20] not in shown


def test_a_program_of_telethon_finds_the_gateway_and_the_key_in_the_string() -> None:
    session = LOAN.as_session(DataCenter(2, "127.0.0.1", 20_123), "production", User(777, False, "ada"))
    loaded = StringSession(TelethonString().write(session).decode())
    assert (loaded.dc_id, loaded.server_address, loaded.port) == (2, "127.0.0.1", 20_123)
    assert loaded.auth_key.key == LOAN.key.reveal()


def test_a_session_file_of_a_loan_says_who_it_is_and_nothing_of_the_owner() -> None:
    user = User(777, False, "ada")
    session = LOAN.as_session(DataCenter(2, "127.0.0.1", 20_123), "production", user)
    back = TelethonSqlite().read(TelethonSqlite().write(session))
    assert back.auth_key == LOAN.key
    assert back.dc == DataCenter(2, "127.0.0.1", 20_123)
    assert back.user is not None
    assert back.user.id == 777
    assert (session.state, session.peers, session.application) == (None, (), None)
