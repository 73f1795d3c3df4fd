"""The disk is full at some write of a login: nothing is lost, nothing is left behind unsaid, and plain words tell."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stories.borrowing.lending import Lending
from telekeep.cli.demo.stage import Stage

WHOLE = bool(os.environ.get("TELEKEEP_STORM"))
ROOM = {"first": 60, "replace": 20}  # pages that a login needs, at most
PROGRAM = Path(__file__).with_name("full_disk.py")


@pytest.fixture
def lending(stage: Stage) -> Iterator[Lending]:
    with Lending(stage) as lending:
        yield lending


def logins(lending: Lending, kind: str, before: str) -> list[dict[str, Any]]:
    sizes = range(1, ROOM[before] + 1, 1 if WHOLE else ROOM[before] // 6)
    wanted = [f"{size}:999662{size:04}" for size in sizes]
    for each in wanted:
        lending.telegram("account", phone=each.partition(":")[2])
    found = []
    for some in batched(wanted, 10):
        said = lending.run(PROGRAM, str(lending.folder), kind, before, *some)
        assert said.code == 0, said
        found += [json.loads(each) for each in said.out.splitlines()]
    return found


def batched(words: list[str], count: int) -> list[list[str]]:
    return [words[start : start + count] for start in range(0, len(words), count)]


@pytest.mark.parametrize("before", ["first", "replace"])
@pytest.mark.parametrize("kind", ["disk", "file"] if WHOLE else ["disk"])
@pytest.mark.storm
def test_a_disk_that_is_full_at_any_write_of_a_login_loses_nothing(lending: Lending, kind: str, before: str) -> None:
    for each in (found := logins(lending, kind, before)):
        assert "failed" not in each, each
        assert "Traceback" not in each["err"] and "foreseen" not in each["err"], each
        if each["code"] == 0:
            assert each["kept"] == 0, "what was said to be kept is kept"
        else:
            assert each["code"] == 7 and "✗ " in each["err"] and "\n→ " in each["err"], each
            assert each["again"] == 0, ("with room again, a login is made as ever", each)
            assert before == "first" or each["kept"] == 0, ("the old session stands", each)
        if "end it under Settings" not in each["err"]:
            assert each["logins"] == (1 if before == "first" else 2), ("one is left that nobody has the key of", each)
    codes = [each["code"] for each in found]
    assert codes[0] != 0 and codes[-1] == 0, "it was full, and there is room at last"
