"""What a gateway remembers of connections is bounded, however many programs come and go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from telekeep.clock import SystemClock
from telekeep.gateway import crowd


class Time(SystemClock):
    now = 1000.0

    def boot(self) -> float:
        return self.now


class Line:
    """A connection that says whether it is read from."""

    held = False

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


def of(loan: str) -> Any:
    return SimpleNamespace(loan=SimpleNamespace(id=loan))


async def test_loans_that_are_quiet_are_not_counted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crowd, "_NAMES", 50)
    clock = Time()
    found = crowd.Crowd(clock)
    for number in range(500):
        found.proven(Line(), of(f"program {number}"))  # type: ignore[arg-type]
        clock.now += 1.0
    assert len(found._recent) <= 51


async def test_one_that_connects_again_and_again_waits_however_many_others_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowd, "_NAMES", 10)
    clock = Time()
    found = crowd.Crowd(clock)
    lines = [Line() for _ in range(crowd._CONNECTIONS + 1)]
    for line in lines:
        for number in range(15):
            found.proven(Line(), of(f"{number} at {clock.now}"))  # type: ignore[arg-type]
        found.proven(line, of("a loop"))  # type: ignore[arg-type]
        clock.now += 0.1
    assert [line.held for line in lines] == [*[False] * crowd._CONNECTIONS, True]
