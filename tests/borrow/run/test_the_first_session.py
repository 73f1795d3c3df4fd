"""Which session of a program gets the loan, if nobody is logged in in any: the first, whoever asks at the same time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from telekeep.borrow.hook.telekeep_hook import first
from telekeep.borrow.hook.telekeep_hook.refusal import Refused


def test_two_processes_of_one_program_may_open_its_session_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the first has made the file, and has not written yet whose it is."""
    plan, made, opening = {"folder": str(tmp_path), "name": "main"}, Event(), os.open

    def slow(*given: object, **more: object) -> int:
        descriptor = opening(*given, **more)  # type: ignore[arg-type]
        if not made.is_set():
            made.set()
            wait([second], timeout=0.3)  # it waits for us, or is wrong by then
        return descriptor

    with ThreadPoolExecutor() as threads:
        second = threads.submit(lambda: made.wait(20) and first.be_the_first(plan, "bot.session"))
        monkeypatch.setattr(first.os, "open", slow)
        first.be_the_first(plan, "bot.session")
        second.result(20)
    with pytest.raises(Refused):
        first.be_the_first(plan, "other.session")
