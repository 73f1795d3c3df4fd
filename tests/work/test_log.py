"""The daemon's log: one line for each event, plain or JSON, and no secret in either."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from telekeep.events import Events, LeaseTaken, SessionChecked
from telekeep.work import log

KEY = "0123456789abcdef" * 16
STRING = "1" + "Ab-_" * 88


@pytest.fixture(params=["plain", "json"])
def logged(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    stream = io.StringIO()
    handler = log.to_stream(stream, format=request.param)
    yield request.param, stream
    log.remove(handler)


def test_an_event_is_one_line_with_its_fields(logged: tuple[str, Any]) -> None:
    kind, stream = logged
    events = Events()
    stop = log.log_events(events)
    events.report(SessionChecked("main", 1_800_000_000.0, "needs_login", "AuthKeyRevoked"))
    events.report(LeaseTaken("main", 1_800_000_000.0, 7))
    stop()
    events.report(LeaseTaken("main", 1_800_000_000.0, 8))
    first, second = stream.getvalue().splitlines()
    if kind == "json":
        told = json.loads(first)
        assert (told["event"], told["level"], told["logger"]) == ("SessionChecked", "info", "telekeep.events")
        assert told["fields"] == {
            "name": "main", "at": 1_800_000_000.0, "outcome": "needs_login", "error": "AuthKeyRevoked"
        }  # fmt: skip
        assert told["time"].endswith("+00:00") and json.loads(second)["fields"]["fence"] == 7
    else:
        assert first.endswith("INFO SessionChecked main outcome=needs_login error=AuthKeyRevoked")
        assert second.endswith("INFO LeaseTaken main fence=7")


@pytest.mark.parametrize("secret", [KEY, STRING, "hunter2"])
def test_what_looks_like_a_secret_is_left_out(logged: tuple[str, Any], secret: str) -> None:
    _, stream = logged
    logger = logging.getLogger("telekeep.somewhere")
    words = f"password={secret}" if secret == "hunter2" else f"the key '{secret}' of main"
    logger.warning("%s", words)
    try:
        raise KeyError(secret)
    except KeyError:
        logger.exception("it failed")
    logging.getLogger("telethon").warning("first\n%s", secret)
    said = stream.getvalue()
    assert secret not in said and len(said.splitlines()) == 3
    assert "KeyError at test_log.py" in said


def test_a_line_stays_one_line_and_paths_stay_readable(logged: tuple[str, Any]) -> None:
    kind, stream = logged
    path = "/home/somebody/.local/share/telekeep/run/control"
    logging.getLogger("telekeep.x").info("the folder %s\nwas\x1b[31m taken away", path)
    (line,) = stream.getvalue().splitlines()
    assert path in line and "\x1b" not in line
    if kind == "json":
        assert json.loads(line)["message"] == f"the folder {path} was [31m taken away"


def test_a_listener_that_fails_harms_nobody() -> None:
    heard = []

    def fails(event: object) -> None:
        raise RuntimeError

    events = Events()
    events.listen(fails)
    events.listen(heard.append)
    events.report(LeaseTaken("main", 0.0, 1))
    assert len(heard) == 1
