"""A pytest plugin for programs that speak to Telegram: the fixture `telegram`, and the marker ``telegram_session``.

The plugin is found by pytest on its own wherever telekeep is installed, and loads nothing before a test asks for it.

``@pytest.mark.telegram_session("bot.session")`` (default: ``telegram_session``) marks what uses a session file of
yours: a test, a class, or with ``pytestmark`` a module. The file is held from the first such test until the end of the
run, because connected clients outlive tests; where another process uses it, these tests are skipped, and all others
run. A test that is refused by a guard of its own for the operation ``test`` is skipped as well.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

import pytest

try:
    from pytest_asyncio import fixture
except ImportError:  # then there are no asynchronous tests that could ask for it
    from pytest import fixture  # type: ignore[no-redef]  # either will do

if TYPE_CHECKING:
    from telekeep.emulator import Emulator

MARKER = "telegram_session"
_OPERATION = "test"
_managers = pytest.StashKey[dict[str, Any]]()


@fixture
async def telegram() -> AsyncIterator[Emulator]:
    """A Telegram on loopback, started: accounts, sessions, faults and counters are its methods."""
    from telekeep.emulator import Emulator

    async with Emulator() as running:
        yield running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{MARKER}(file): uses this session file; skipped while another process does")
    config.stash[_managers] = {}
    config.pluginmanager.register(_Refusals())


def pytest_unconfigure(config: pytest.Config) -> None:
    for manager in config.stash.get(_managers, {}).values():
        manager.cleanup_session_access()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers(MARKER):
        _hold(item.config, *marker.args, **marker.kwargs)


class _Refusals:
    """Tests, and the making of their fixtures, that a guard refuses are skipped."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            _skip_if_refused(error)
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            _skip_if_refused(error)
            raise


def _hold(config: pytest.Config, file: str = MARKER) -> None:
    from telekeep.guard import SessionSafetyManager

    held = config.stash[_managers]
    if file in held:
        return
    manager = SessionSafetyManager(file)
    manager.check_session_safety(_OPERATION)
    manager.record_session_access(_OPERATION)
    held[file] = manager


def _skip_if_refused(error: Exception) -> None:
    """Skip the test that a guard has refused."""
    errors = sys.modules.get("telekeep.errors")
    if errors is None or not isinstance(error, errors.SessionBusy):
        return
    if error.operation == _OPERATION:
        pytest.skip(f"Session conflict prevented: {error.message}")
