"""`import telekeep` is what every user's program begins with: it must cost nothing and hide nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import telekeep

_LOADED = """
import sys, telekeep
before = set(sys.modules)
assert not {"telethon", "asyncio", "cryptography", "click"} & before, before
telekeep.errors.SessionBusy
assert "telethon" not in sys.modules
"""


def test_importing_telekeep_loads_nothing_else() -> None:
    subprocess.run([sys.executable, "-c", _LOADED], check=True)


def test_every_door_opens() -> None:
    for name in ("client", "Keeper", "Emulator", "errors"):
        assert name in dir(telekeep)
        assert getattr(telekeep, name) is not None


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sessions'"):
        _ = telekeep.sessions
