"""The user's own program for an alarm (TELEKEEP_ALARM_COMMAND): run without a shell, told in JSON, bounded in time."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError
from telekeep.settings import Settings

if TYPE_CHECKING:
    from telekeep.health.logins import Alarm
    from telekeep.work.keeping import DaemonKeeper

SECONDS = 20.0  # for the program to end; then it is killed, and whatever it has started

_log = logging.getLogger(__name__)


async def run(keeper: DaemonKeeper, alarm: Alarm) -> None:
    """Run the program that is set, if there is one, with ``alarm`` as one JSON object on its standard input.

    It gets this daemon's environment without TELEGRAM_…, which may hold secrets; what it prints is not read. Raises
    nothing: what went wrong is logged.
    """
    words = _settings(keeper).alarm_command
    if not words:
        return
    facts = {"event": "LoginAlarm", "session": alarm.name, **alarm.facts(), "command": f"telekeep devices {alarm.name}"}
    del facts["name"], facts["hash"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TELEGRAM_")}
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        _log.error("the alarm command %s cannot be run: %s", words[0], error.strerror)
        return
    try:
        async with asyncio.timeout(SECONDS):
            await process.communicate(json.dumps(facts, ensure_ascii=False).encode())
        if process.returncode:
            _log.error("the alarm command %s ended with %d", words[0], process.returncode)
    except TimeoutError:
        _log.error("the alarm command %s did not end within %g s", words[0], SECONDS)
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _settings(keeper: DaemonKeeper) -> Settings:
    try:
        return keeper.settings
    except ConfigError as error:
        _log.error("the alarm command is not known: %s", error.message)
        return Settings()
