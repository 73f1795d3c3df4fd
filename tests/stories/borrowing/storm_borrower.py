"""Clients of the storm: each listens, calls, sends, goes away and comes back, until SIGTERM; and writes down all of it.

``storm_borrower.py KIND FOLDER NAME…``, one client for each name. KIND: ``telekeep`` (telekeep.client on `main`),
``string`` and ``sqlite`` (stock Telethon with the loan FOLDER/NAME.txt or FOLDER/NAME.session), ``direct`` (holds the
session called NAME). FOLDER/NAME.log has a line for each event:

    up              a new life: it hears what happens from now on
    m ID TEXT       a message was heard of
    try TEXT        it sends this · sent ID TEXT: it has · unsure TEXT ERROR: it was told so
    away, gone      it disconnects on purpose, and has
    back            it is connected again
    refused ERROR   it could not connect, and tries again
    end             it has heard of everything up to the moment it was told to leave
"""

import asyncio
import random
import signal
import sys
import time
from pathlib import Path

from telethon import TelegramClient, events
from telethon.errors import RPCError
from telethon.sessions import StringSession

import telekeep

KIND, FOLDER, NAMES = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
LOST = (ConnectionError, RPCError, TimeoutError, telekeep.errors.TelekeepError)
KEPT = ("sqlite", "direct")  # its update state outlives the process


def made(name):
    if KIND == "telekeep":
        return telekeep.client("main", label=name)
    if KIND == "direct":
        return telekeep.client(name, direct=True, timeout=5)
    if KIND == "string":
        session = StringSession((FOLDER / f"{name}.txt").read_text().strip())
    else:
        session = str(FOLDER / f"{name}.session")
    return TelegramClient(session, 1, "0" * 32, catch_up=True, raise_last_call_error=True)


class Life:
    def __init__(self, name, leaving):
        self.name = name
        self.leaving = leaving
        self.dice = random.Random(f"{name} {time.time_ns()}")
        path = FOLDER / f"{name}.log"
        before = path.read_text() if path.exists() else ""
        self.is_new = KIND not in KEPT or "\nup" not in before
        self.number = before.count("\ntry ")
        self.file = path.open("a", buffering=1)
        self.light = 0.0  # when the newest message of the lighthouse was sent
        self.client = made(name)
        self.client.add_event_handler(self.heard, events.NewMessage)

    def log(self, *words):
        self.file.write("\n" + " ".join(map(str, words)))
        self.file.flush()

    async def heard(self, event):
        self.log("m", event.id, event.raw_text)
        if event.raw_text.startswith("light "):
            self.light = float(event.raw_text.split()[2])

    async def connect(self):
        while True:
            try:
                await self.client.connect()
                return
            except LOST as error:
                self.log("refused", type(error).__name__, error)
                await self.client.disconnect()
                self.log("gone")
                await asyncio.sleep(0.3)

    async def rest(self, seconds):
        try:
            await asyncio.wait_for(self.leaving.wait(), seconds)
        except TimeoutError:
            pass

    async def send(self):
        self.number += 1
        text = f"{self.name} {self.number}"
        self.log("try", text)
        try:
            message = await self.client.send_message("me", text)
            self.log("sent", message.id, text)
        except LOST as error:
            self.log("unsure", text, type(error).__name__, error)

    async def call(self):
        try:
            assert (await self.client.get_me()).id
            async for _ in self.client.iter_messages("me", limit=3):
                pass
        except LOST as error:
            self.log("failed", type(error).__name__, error)

    async def away(self):
        self.log("away")
        await self.client.disconnect()
        self.log("gone")
        await self.rest(self.dice.uniform(0.1, 2.0))
        await self.connect()
        self.log("back")

    async def live(self):
        await self.connect()
        if self.is_new:
            self.log("up", time.time())
        while not self.leaving.is_set():
            await self.dice.choice([self.send, self.send, self.call, self.call])()
            await self.rest(self.dice.uniform(0.2, 1.8))
            if not self.client.is_connected() or self.dice.random() < 0.12:
                await self.away()
        told = time.time()
        while self.light < told:
            await asyncio.sleep(0.05)
            if not self.client.is_connected():
                await self.away()
        self.log("end", time.time())
        await self.client.disconnect()
        self.log("gone")


async def main():
    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    await asyncio.gather(*(Life(name, leaving).live() for name in NAMES))


asyncio.run(main())
