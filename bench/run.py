"""A program below `telekeep run`, which names its own session file, against the same program with a loan as a string.

By turns, while the daemon runs: from nothing to the first word, which is the answer of get_me.
The collector rests below `telekeep run` while the program imports Telethon (`telekeep_hook.collector`): that gives back
about what `run` itself takes.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench._lending import Place, Row, ask_daemon, daemon, place

ROUNDS = 31

_STRING = """
import asyncio, os
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    async with TelegramClient(StringSession(os.environ["LOAN"]), 1, "0" * 32) as client:
        print((await client.get_me()).id, flush=True)

asyncio.run(main())
"""

_NAMED = """
import asyncio
from telethon import TelegramClient

async def main():
    async with TelegramClient("named", 1, "0" * 32) as client:
        print((await client.get_me()).id, flush=True)

asyncio.run(main())
"""


def measure() -> list[Row]:
    """Two rows: the same program, and one that names a file; the median of the ratios of processes that ran in turn."""
    with place() as where, daemon(where):
        given = ask_daemon(where, "lend", name="main", label="string")
        dc, host, port = given["addresses"][0]
        environ = {**where.environ, "LOAN": _string(dc, host, port, given["key"])}
        string, named = _program(where, "on_a_string", _STRING), _program(where, "by_name", _NAMED)
        below = ["-m", "telekeep", "run", "main", "--", sys.executable]
        del environ["TELEKEEP_NETWORK"]  # whose file would be read each time; the daemon knows where it is
        of_string = _program(where, "below_run", _STRING.replace("LOAN", "TELEGRAM_SESSION_STRING"))
        commands = [[string], [*below, of_string], [*below, named]]
        rounds = [[_started(each, environ) for each in commands] for _ in range(2 + ROUNDS)][2:]  # they compile
        alone, ours, with_file = (median(column) * 1e3 for column in zip(*rounds, strict=True))
        return [
            (
                f"telekeep run: {ours:.0f} ms against {alone:.0f} ms of the same program with a loan as a string",
                median(each[1] / each[0] for each in rounds),
                1.15,
            ),
            (
                f"the same, naming a session file: {with_file:.0f} ms",
                median(each[2] / each[0] for each in rounds),
                1.15,
            ),
        ]


def _started(command: list[str], environ: dict[str, str]) -> float:
    """Seconds until a program says its first word."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], env=environ, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        return time.perf_counter() - began


def _string(dc: int, host: str, port: int, key: str) -> str:
    from telethon.crypto import AuthKey
    from telethon.sessions import StringSession

    session = StringSession()
    session.set_dc(dc, host, port)
    session.auth_key = AuthKey(bytes.fromhex(key))
    return str(session.save())


def _program(where: Place, name: str, text: str) -> str:
    path = Path(where.folder, f"{name}.py")
    path.write_text(text)
    return str(path)


__all__ = ["measure"]
