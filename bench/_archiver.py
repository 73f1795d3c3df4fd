"""An archive at work, as a process: ``python _archiver.py historical|monitor NAME TO CHAT``.

``historical`` says how many seconds it took, with connecting and finding the chat, and how many kilobytes it had at
most. ``monitor`` says when it listens; told on standard input how many messages were sent, it waits for the last of
them, and says how long each took in seconds to be committed. Each message says when it was sent.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

from telekeep.work.archive import verbs
from telekeep.work.archive.pacing import Pace
from telekeep.work.archive.plan import Wish
from telekeep.work.archive.rows import Batch, Put
from telekeep.work.archive.terms import Report, Terms

_PATIENCE = 30.0  # seconds for the last one to arrive


async def historical(terms: Terms) -> dict[str, Any]:
    began = time.perf_counter()
    report = Report()
    await verbs.historical(terms, report)
    took = time.perf_counter() - began
    return {"seconds": took, "messages": report.fetched, "kilobytes": _peak()}


async def monitor(terms: Terms) -> dict[str, Any]:
    delays: list[float] = []

    def committed(batch: Batch) -> None:
        now = time.monotonic()
        for change in batch.changes:
            if isinstance(change, Put) and not change.shown:
                delays.extend(now - float(each.text) for each in change.messages)

    report, stop = Report(committed=committed), asyncio.Event()
    running = asyncio.create_task(verbs.monitor(terms, report, stop))
    while not report.is_live:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    print(json.dumps("listening"), flush=True)
    sent = int(await asyncio.to_thread(sys.stdin.readline))
    end = time.monotonic() + _PATIENCE
    while len(delays) < sent and time.monotonic() < end and not running.done():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    stop.set()
    await running
    return {"delays": delays, "wrong": abs(sent - len(delays))}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(verb: str, name: str, to: str, chat: str) -> None:
    is_history = verb == "historical"
    terms = Terms(name, (chat,), to, Wish(history=is_history), Pace(0.0))
    print(json.dumps(asyncio.run((historical if is_history else monitor)(terms))), flush=True)


main(*sys.argv[1:])
