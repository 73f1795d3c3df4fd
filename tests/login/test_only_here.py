"""003-F1: a background worker asked for login codes until Telegram shut the number out. Here nothing else can."""

from __future__ import annotations

import ast
import functools
import gc
from pathlib import Path

import pytest

import telekeep

ROOT = Path(telekeep.__file__).parent
SOURCES = {path.relative_to(ROOT).as_posix(): path for path in ROOT.rglob("*.py")}

# where it is named to be taken from other people's programs
WRAPPED = {"sign_in": {"borrow/hook/telekeep_hook/telethon.py"}}


@functools.cache
def names_in(path: Path) -> frozenset[str]:
    """Every name and attribute that the code of a file uses."""
    # Python's parser counts its depth in one place for all: a collector that runs inside it, finds a future nobody
    # asked, and prints its traceback (which parses a line to underline it) leaves that count wrong: gh-106905.
    gc.disable()
    try:
        tree = ast.parse(path.read_text())
    finally:
        gc.enable()
    return frozenset(
        word
        for node in ast.walk(tree)
        for word in (getattr(node, "id", None), getattr(node, "attr", None))
        if isinstance(word, str)
    )


@pytest.mark.parametrize(
    "word",
    [
        "SendCodeRequest",
        "ResendCodeRequest",
        "SignInRequest",
        "CheckPasswordRequest",
        "ImportBotAuthorizationRequest",
        "ExportLoginTokenRequest",
        "send_code_request",
        "sign_in",
        "qr_login",
    ],
)
def test_only_the_login_asks_telegram_to_log_somebody_in(word: str) -> None:
    users = {name for name, path in SOURCES.items() if word in names_in(path)} - WRAPPED.get(word, set())
    assert {name for name in users if not name.startswith(("login/", "emulator/"))} == set()


def test_only_the_command_line_reads_standard_input() -> None:
    readers = {name for name, path in SOURCES.items() if {"input", "getpass", "stdin"} & names_in(path)}
    assert {name for name in readers if not name.startswith("cli/")} == set()


def test_nothing_ever_calls_input() -> None:
    """It cannot be cancelled, and reads whatever standard input happens to be."""
    assert {name for name, path in SOURCES.items() if "input" in names_in(path)} == set()
