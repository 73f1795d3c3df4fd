"""A program pinned to an old release. Says which, what its session file is, and whether it gets through."""

import asyncio
import sqlite3

import telethon
from telethon import TelegramClient, events

client = TelegramClient("old", 1, "a" * 32, connection_retries=1, proxy=("socks5", "127.0.0.1", 9))


@client.on(events.NewMessage)
async def heard(event):
    pass


async def main():
    connection = sqlite3.connect("old.session")
    version, dc = connection.execute("select version, dc_id from version, sessions").fetchone()
    connection.close()
    print(telethon.__version__, version, dc, client.session.server_address, sep="|", flush=True)
    try:
        await client.start()
        print("as", (await client.get_me()).id)
    except Exception as error:
        print(type(error).__name__, error)
    await client.disconnect()  # 1.26 ends with a segmentation fault otherwise, with any session


asyncio.run(main()) if telethon.__version__ > "1.3" else client.loop.run_until_complete(main())
