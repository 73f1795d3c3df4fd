"""Reads and writes a little, with a session file by whatever name it is given. ``by_name.py NAME [KIND]``"""

import glob
import os
import pathlib
import sys

from telethon import TelegramClient
from telethon.sessions import MemorySession, SQLiteSession, StringSession

name = sys.argv[1]
made = {
    "name": lambda: name,
    "path": lambda: pathlib.Path(name),
    "file": lambda: SQLiteSession(name),
    "nothing": lambda: None,
    "memory": MemorySession,
    "string": StringSession,
}[sys.argv[2] if len(sys.argv) > 2 else "name"]()
client = TelegramClient(made, 12345, "0123456789abcdef0123456789abcdef")


async def main():
    me = await client.get_me()
    await client.send_message("me", "from " + name)
    last = [message.text async for message in client.iter_messages("me", limit=1)]
    print(me.id, last, sorted(glob.glob("*.session") + glob.glob("*/*.session")), sep="|")


with client:
    client.loop.run_until_complete(main())
print(os.environ["TELEGRAM_API_ID"], bool(StringSession.save(client.session) or made))
