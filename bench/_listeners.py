"""Clients that listen for live messages: ``python _listeners.py CLIENTS``, a list of [dc, host, port, key] in JSON.

It says when all of them listen. Told on standard input how many messages were sent, it waits for the last of them, and
says how long each took in seconds, and how many were missing or came twice. Each message says when it was sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

from telethon import events

from bench._lending import bare_client

_PATIENCE = 60.0  # seconds for the last one to arrive
_STEP = 0.05


class Listener:
    """What one client has heard."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.delays: list[float] = []

    async def __call__(self, event: Any) -> None:
        self.delays.append(time.monotonic() - float(event.raw_text))
        self.texts.append(event.raw_text)

    def wrong(self, sent: int) -> int:
        found = len(set(self.texts))
        return sent - found + len(self.texts) - found


async def main(clients: list[list[Any]]) -> None:
    listeners = [Listener() for _ in clients]
    async with AsyncExitStack() as stack:
        for listener, where in zip(listeners, clients, strict=True):
            client = await stack.enter_async_context(bare_client(*where))
            client.add_event_handler(listener, events.NewMessage)
            await client.get_me()
        print(json.dumps("listening"), flush=True)
        sent = int(await asyncio.to_thread(sys.stdin.readline))
        end = time.monotonic() + _PATIENCE
        while any(len(each.texts) < sent for each in listeners) and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(_STEP)
        delays = [delay for each in listeners for delay in each.delays]
        print(json.dumps({"delays": delays, "wrong": sum(each.wrong(sent) for each in listeners)}), flush=True)


asyncio.run(main(json.loads(sys.argv[1])))
