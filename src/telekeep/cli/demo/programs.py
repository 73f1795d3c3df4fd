"""The programs the demo runs, as their users would write them."""

from __future__ import annotations

WORKER = """\
import asyncio, telekeep

async def main():
    async with telekeep.client("main", direct=True) as client:
        me = await client.get_me()
        print("holding as", me.first_name, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""

NOTEBOOK = """\
import asyncio, sys, telekeep

async def main():
    async with telekeep.client(sys.argv[1], direct=True, timeout=1) as client:
        message = await client.send_message("me", "hello from a second program")
        print("sent message", message.id)

try:
    asyncio.run(main())
except telekeep.errors.SessionBusy as busy:
    sys.exit(f"refused: {busy}")
"""

LISTENER = """\
import asyncio, telekeep
from telethon import events

async def main():
    async with telekeep.client("main") as client:
        @client.on(events.NewMessage)
        async def heard(event):
            print("heard:", event.raw_text, flush=True)

        print("listening as", (await client.get_me()).first_name, flush=True)
        await client.run_until_disconnected()

asyncio.run(main())
"""

STOCK = """\
import asyncio, pathlib, sys
from telethon import TelegramClient
from telethon.sessions import StringSession

async def main():
    string = pathlib.Path(sys.argv[1]).read_text().strip()
    async with TelegramClient(StringSession(string), 1, "0" * 32) as client:
        if len(sys.argv) > 2:
            await client.send_message("me", sys.argv[2])
        print(len(await client.get_messages("me", limit=100)), "messages read")

asyncio.run(main())
"""

BARE = """\
import asyncio, pathlib, sys
from telethon import TelegramClient
from telethon.errors import RPCError
from telethon.sessions import StringSession

async def main():
    string = pathlib.Path(sys.argv[1]).read_text().strip()
    client = TelegramClient(StringSession(string), 1, "0" * 32)
    await client.connect()
    for _ in range(400):
        await client.get_me()
        await asyncio.sleep(0.05)
    print("400 calls, no complaint")

try:
    asyncio.run(asyncio.wait_for(main(), 45))
except RPCError as error:
    sys.exit(f"{error.code} {type(error).__name__}")
except (ConnectionError, OSError) as error:
    sys.exit(f"the line was cut: {type(error).__name__}")
"""
