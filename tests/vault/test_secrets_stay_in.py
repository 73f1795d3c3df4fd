"""No secret lies in any file of the vault, in any message, or in any log; the list needs none and loads no cipher."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import time
import traceback
from base64 import b64encode
from dataclasses import replace

import pytest

from telekeep.errors import TelekeepError
from telekeep.secret import Secret
from telekeep.session.model import Application, AuthKey, User
from telekeep.testing.contracts.vault import a_session
from telekeep.vault.vault import Vault
from vault.conftest import Place
from vault.surgery import edit

KEY = b"Zq7xWmauthkeyZq7" * 16
API_HASH = b"Zq7xWmapihash0123456789abcdefghi"
PLANTED = replace(
    a_session(1),
    auth_key=AuthKey(KEY),
    application=Application(1, Secret(API_HASH)),
    user=User(7, False, "Zq7xWm_username"),
    other_keys={4: AuthKey(KEY[::-1])},
)
MARK = b"Zq7xWm"
SECRETS = (MARK, MARK[::-1], MARK.hex().encode(), b64encode(MARK), b64encode(KEY)[8:40], b64encode(KEY[::-1])[8:40])
PRIVATE = (a_session(1).peers[0].phone or "").encode()


def test_nothing_planted_lies_in_any_file(vault: Vault, place: Place) -> None:
    vault.keep("a", PLANTED, fence=1, expected=None)
    vault.keep("a", PLANTED, fence=1, expected=1)
    vault.remove("a", fence=1)
    vault.flush()
    for path in [*place.folder.iterdir(), *place.marks.iterdir()]:
        content = path.read_bytes()
        assert not any(secret in content for secret in (*SECRETS, PRIVATE)), path.name


def test_no_error_and_no_log_shows_one(vault: Vault, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    vault.keep("a", PLANTED, fence=5, expected=None)
    key_text = place.key.path.read_bytes().split()[-1]
    loaded = vault.load("a")
    said = [
        repr(vault),
        repr(loaded.auth_key),
        repr(loaded.application),
        repr(loaded.other_keys),
        repr(vault.entries()),
    ]

    def note(error: TelekeepError) -> None:
        said.append("".join(traceback.format_exception(error)) + str(error.remedy) + repr(error.fields()))

    for work in (
        lambda: vault.keep("a", PLANTED, fence=1, expected=1),
        lambda: vault.keep("a", PLANTED, fence=5, expected=9),
        lambda: vault.keep("../a", PLANTED, fence=5, expected=None),
        lambda: edit(place.sessions, "UPDATE generations SET sealed = zeroblob(99)") and vault.load("a"),
        lambda: edit(place.sessions, "UPDATE vault SET vault_id = 'x'") and vault.load("a"),
        lambda: place.key.path.write_bytes(b"x" + key_text) and place.open().load("a"),
    ):
        with pytest.raises(TelekeepError) as raised:
            work()
        note(raised.value)
    everything = "\n".join([*said, caplog.text, *vault.notices]).encode()
    assert b"StaleFence" in everything
    assert not any(secret in everything for secret in (*SECRETS, key_text))


def test_listing_loads_no_cipher_no_event_loop_and_no_telethon(vault: Vault, place: Place) -> None:
    """`telekeep status` must be as quick as a script that imports click and sqlite3."""
    vault.keep("a", PLANTED, fence=1, expected=None)
    vault.touch("a", fence=1, at=5.0)
    vault.close()
    program = """
import sys
from pathlib import Path
from telekeep.clock import SystemClock
from telekeep.vault.vault import Vault
root = Path(sys.argv[1])
with Vault.open(root / "home" / "vault", clock=SystemClock(), marks=root / "state") as vault:
    assert [(entry.name, entry.last_used_at) for entry in vault.entries()] == [("a", 5.0)]
    assert vault.entry("a").state == "kept" and not vault.moved and len(vault.history("a")) == 1
heavy = "cryptography asyncio telethon rich psutil filelock logging json telekeep.session.model".split()
print([name for name in heavy if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program, str(place.root)], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_thousand_sessions_are_listed_in_the_blink_of_an_eye(place: Place) -> None:
    """Bounded loosely, and in time of its own: the figure itself is taken in `make bench`."""
    vault = place.create()
    first = vault.keep("s0000", a_session(1), fence=1, expected=None)
    vault.close()
    header = vault.history("s0000")[0]
    with sqlite3.connect(place.sessions) as connection:  # a thousand commits would take longer than the test is worth
        for number in range(1, 1000):
            other = header._replace(name=f"s{number:04}")
            connection.execute(
                "INSERT INTO generations SELECT ?, generation, lease, network, dc_id, fence, created_at, saved_at,"
                " state, size, ?, wrapped, sealed FROM generations WHERE name = 's0000'",
                (other.name, other.checksum()),
            )
            connection.execute("INSERT INTO records VALUES (?, 1)", (other.name,))
    connection.close()
    began = time.process_time()
    with place.open() as afresh:
        entries = afresh.entries()
    assert time.process_time() - began < 0.5
    assert len(entries) == 1000
    assert {entry.state for entry in entries} == {"kept"}
    assert replace(entries[999], name="s0000") == first
