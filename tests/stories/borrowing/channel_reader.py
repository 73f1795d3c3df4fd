"""Borrowers in a channel: each keeps what it is told, and nothing else, until it has heard "the end".

``channel_reader.py FOLDER NAME…``: a name begins with ``telekeep`` (telekeep.client on `main`), ``string`` or
``sqlite`` (stock Telethon with the loan FOLDER/NAME.txt or FOLDER/NAME.session). Prints ``ready`` when all listen.
FOLDER/NAME.json is what each has in the end: ``messages`` by id, and ``twice``, ``disorder``, ``unknown``: how often it
heard a new message again, one after a younger one, and an edit of one that it had never heard of.
"""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from telethon import TelegramClient, events
from telethon.sessions import StringSession

import telekeep

FOLDER, NAMES = Path(sys.argv[1]), sys.argv[2:]


def made(name):
    if name.startswith("telekeep"):
        return telekeep.client("main", label=name, sequential_updates=True)
    if name.startswith("string"):
        session = StringSession((FOLDER / f"{name}.txt").read_text().strip())
    else:
        session = str(FOLDER / f"{name}.session")
    options = {"catch_up": True, "sequential_updates": True, "connection_retries": 60, "retry_delay": 0.5}
    return TelegramClient(session, 1, "0" * 32, **options)


class Reader:
    def __init__(self, name):
        self.name = name
        self.messages, self.wrong, self.last = {}, Counter(), 0
        self.known = set()
        self.ended = asyncio.Event()
        self.client = made(name)
        for take, kind in (
            (self.new, events.NewMessage),
            (self.edited, events.MessageEdited),
            (self.deleted, events.MessageDeleted),
        ):
            self.client.add_event_handler(take, kind)

    async def new(self, event):
        if not event.is_channel:
            return
        self.wrong["twice"] += event.id in self.known
        self.wrong["disorder"] += event.id < self.last
        self.last = max(self.last, event.id)
        self.known.add(event.id)
        self.messages[event.id] = event.raw_text
        if event.raw_text == "the end":
            self.ended.set()

    async def edited(self, event):
        self.wrong["unknown"] += event.id not in self.known
        if event.id in self.messages:
            self.messages[event.id] = event.raw_text

    async def deleted(self, event):
        for number in event.deleted_ids:
            self.messages.pop(number, None)

    async def begin(self):
        await self.client.connect()
        assert (await self.client.get_me()).id
        assert [each for each in await self.client.get_dialogs() if each.is_channel]  # its message box begins there

    async def live(self):
        await self.ended.wait()
        (FOLDER / f"{self.name}.json").write_text(json.dumps({"messages": self.messages, **self.wrong}))
        await self.client.disconnect()


async def main():
    readers = [Reader(name) for name in NAMES]
    for reader in readers:
        await reader.begin()
    print("ready", flush=True)
    await asyncio.gather(*(reader.live() for reader in readers))


asyncio.run(main())
