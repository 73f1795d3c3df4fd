"""What holds for every test."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from telethon import TelegramClient

import telekeep
from telekeep.gateway import endpoint

# A busy machine is slow, not wrong: examples have no deadline. Everything else stays as the profile in force has it
# (where CI is set, Hypothesis takes the same examples every time).
settings.register_profile("telekeep", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("telekeep")


# Gateways stay at their ports when they are started again, and nobody else may have taken them meanwhile: each worker
# has some of its own, where the daemons of the stories have none.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
endpoint._PORTS = range(10_000 + _WORKER % 10 * 1_000, 11_000 + _WORKER % 10 * 1_000)

# pytest rewrites the modules of every package that brings a plugin, and ours does. Compiled for the first time in the
# middle of a test, a module fails on CPython 3.11 if the garbage collector runs just then and asyncio logs a traceback
# ("AST constructor recursion depth mismatch"): so all are there before the first test.
for each in walk_packages(telekeep.__path__, "telekeep."):
    if ".hook" not in each.name and not each.name.endswith(("__main__", "kurigram_storage")):  # they act, or print
        import_module(each.name)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed is read with `ast` too, and the same would end the whole run instead of telling what failed."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(autouse=True)
def _no_network_is_remembered() -> Iterator[None]:
    """Telethon keeps the configuration of the first network it met on the class."""
    yield
    TelegramClient._config = TelegramClient._cdn_config = None


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder like ``tmp_path`` whose path is short wherever that is: a socket's has 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix="tk-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The TL methods that Telegram was asked, wrappers off, as they came."""
    from telekeep.emulator import front
    from telekeep.mtproto.schema import method_name

    found: list[str] = []
    unwrapped = front.unwrapped

    def noted(request: Any) -> Any:
        leaf, envelope = unwrapped(request)
        found.append(method_name(type(leaf)))
        return leaf, envelope

    monkeypatch.setattr(front, "unwrapped", noted)
    return found
