"""The account's key is nowhere but with its owner: not in a borrower's memory, and in no answer to it."""

from __future__ import annotations

import json
import socket
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import Lending, line
from stories.borrowing.memory import contents, count, spellings, surroundings
from stories.conftest import PHONE
from telekeep import control
from telekeep.cli.demo.stage import Stage
from telekeep.lease.lease import lease_name
from telekeep.session.model import AuthKey
from telekeep.work.jobs.supervisor import Jobs
from telekeep.work.owners import Owners

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what a process has in memory")


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


@pytest.fixture
def real(lending: Lending) -> bytes:
    """The account's own auth key."""
    return urlsafe_b64decode(lending.ok("export", "main", "--to", "telethon-string", "--yes")[1:])[-256:]


def test_a_scan_of_the_holders_own_memory_finds_the_key(lending: Lending, real: bytes) -> None:
    """Whatever the scans below do not find, they would find if it was there."""
    holder = lending.start("sitting.py", "direct")
    assert line(holder) == f"key {real.hex()}"
    assert count(holder.pid, spellings(real)) >= 1


@pytest.mark.parametrize("kind", ["telekeep", "string", "file"])
def test_a_borrower_has_the_key_of_its_loan_and_never_the_accounts(lending: Lending, real: bytes, kind: str) -> None:
    environ, how = {}, kind
    if kind == "string":
        environ["SESSION"] = lending.lend()
    elif kind == "file":
        how = str(lending.folder / "borrower.session")
        lending.ok("lend", "main", "--to", "telethon-sqlite", "--out", how)
    borrower = lending.start("sitting.py", how, environ=environ)
    loan = bytes.fromhex(line(borrower).removeprefix("key "))
    lending.telegram("send", to=PHONE, text="an update")
    assert line(borrower) == "heard"
    assert loan != real
    assert count(borrower.pid, spellings(loan)) >= 1
    secret = spellings(real)
    assert count(borrower.pid, secret) == 0
    for where, content in {**surroundings(borrower.pid), **contents(lending.folder)}.items():
        assert not any(each in content for each in secret), f"{where} holds the account's key"


def test_no_answer_of_the_daemon_holds_the_key(lending: Lending, real: bytes) -> None:
    lending.lend("main", "--as", "note")
    where = lending.where()
    lease = lease_name(AuthKey(real).id)
    verbs: dict[str, dict[str, Any]] = {
        "ping": {"protocol": 1}, "status": {}, "loans": {"name": "main"}, "borrow": {"name": "main"},
        "lend": {"name": "main", "label": "other"}, "run": {"name": "main"}, "running": {"name": "main", "loan": "x"},
        "ended": {"name": "main", "loan": "x"}, "revoke": {"loan": "note"}, "probe": {"name": "main"},
        "server_key": {"name": "main"}, "devices": {"name": "main"}, "reload": {}, "unlock": {},
        "recheck": {"name": "main"}, "device_order": {"name": "main"}, "jobs": {}, "jobs_changed": {},
        "release": {"lease": lease}, "lock": {},
    }  # fmt: skip
    asking: dict[str, dict[str, Any]] = {  # these begin a conversation, which is left again
        "renew": {"name": "main", "can": ["password"]}, "fork": {"name": "main", "other": "fork", "can": ["password"]},
        "renewal_answer": {"name": "main"}, "job_start": {"name": "x"}, "job_stop": {"name": "x"},
    }  # fmt: skip
    known = set(Owners(None).verbs()) | set(Jobs.verbs(object.__new__(Jobs)))  # type: ignore[arg-type]
    assert known <= {*verbs, *asking}, "a verb that nobody looked at"
    refused = {"export": {"name": "main"}, "load": {"name": "main"}, "keep": {}, "no such verb": {}}
    secret = spellings(real)
    for verb, fields in {**asking, **verbs, **refused}.items():
        answer = _raw(where.control, verb, fields)
        assert verb in asking or ("error" in json.loads(answer)) is (verb in refused), (verb, answer)
        assert not any(each in answer for each in secret), f"the answer to {verb!r} holds the account's key"
    lending.ok("unlock")
    loan = _raw(where.control, "borrow", {"name": "main"})
    assert b'"key"' in loan, "a loan's key travels this way"


def _raw(path: Path, verb: str, fields: dict[str, Any]) -> bytes:
    """The bytes of the answer to one request."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(path))
        line.sendall(control.request(verb, **fields))
        received = b""
        while not received.endswith(b"\n"):
            chunk = line.recv(65536)
            assert chunk, received
            received += chunk
    return received
