"""Borrowers that listen and write at a steady pace, and write down all of it as `storm_borrower` does, until SIGTERM.

``steady.py KIND FOLDER PER_SECOND NAME…``, one client for each name; KIND is ``telekeep`` or ``string``. They look up
whom they write to once, at the beginning, and go on with the access hash they got then.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path

from telethon import TelegramClient, events
from telethon.sessions import StringSession

import telekeep

KIND, FOLDER, PER_SECOND, NAMES = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:]


def made(name):
    if KIND == "telekeep":
        return telekeep.client("main", label=name)
    session = StringSession((FOLDER / f"{name}.txt").read_text().strip())
    return TelegramClient(session, 1, "0" * 32, catch_up=True, raise_last_call_error=True)


async def live(name, leaving):
    file = (FOLDER / f"{name}.log").open("w", buffering=1)
    light = 0.0

    def log(*words):
        file.write("\n" + " ".join(map(str, words)))
        file.flush()

    async def heard(event):
        nonlocal light
        log("m", event.id, event.raw_text)
        if event.raw_text.startswith("light "):
            light = float(event.raw_text.split()[2])

    client = made(name)
    client.add_event_handler(heard, events.NewMessage)
    await client.connect()
    log("up", time.time())
    friend = next(each.input_entity for each in await client.get_dialogs() if each.is_user)
    print("up", flush=True)
    began, number = time.monotonic(), 0
    while not leaving.is_set():
        number += 1
        log("try", f"{name} {number}")
        try:
            sent = await client.send_message(friend, f"{name} {number}")
            log("sent", sent.id, f"{name} {number}")
        except Exception as error:
            log("unsure", f"{name} {number}", type(error).__name__, error)
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
    told = time.time()
    while light < told:  # noqa: ASYNC110 - it watches what it hears
        await asyncio.sleep(0.05)
    log("end", time.time())
    await client.disconnect()


async def main():
    leaving = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leaving.set)
    await asyncio.gather(*(live(name, leaving) for name in NAMES))


asyncio.run(main())
