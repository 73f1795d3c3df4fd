"""Looks into its session file, lists sessions, keeps a copy, and deletes it at the end."""

import asyncio
import os
import shutil
import sqlite3

from telethon import TelegramClient
from telethon.sessions import SQLiteSession

client = TelegramClient("house/keeper", 1, "a" * 32)


async def main():
    await client.start()
    database = sqlite3.connect("house/keeper.session")
    version = database.execute("select version from version").fetchone()[0]
    dc, host, port, key = database.execute("select dc_id, server_address, port, auth_key from sessions").fetchone()
    own = database.execute("select hash from entities where id = 0").fetchone()[0]
    database.close()
    print(version, dc, host, port, own, key.hex(), sep="|")
    print(oct(os.stat("house/keeper.session").st_mode & 0o777), SQLiteSession.list_sessions(), os.listdir("house"))
    shutil.copy("house/keeper.session", "backup")
    await client.disconnect()
    os.remove("house/keeper.session")
    async with TelegramClient("house/keeper", 1, "a" * 32) as again:
        print((await again.get_me()).id, os.path.exists("house/keeper.session"))


asyncio.run(main())
