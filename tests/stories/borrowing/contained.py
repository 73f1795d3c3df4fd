"""A program in a container: it takes the string it was given, and knows the gateway's key if it was given that too."""

import asyncio
import sys
from pathlib import Path

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import StringSession

folder, *pem = sys.argv[1:]
string = (Path(folder) / "session.txt").read_text().strip()
if pem:
    rsa.add_key(Path(pem[0]).read_text(), old=False)


async def main():
    async with TelegramClient(StringSession(string), 12345, "0123456789abcdef0123456789abcdef") as client:
        print("ready", (await client.get_me()).phone, flush=True)
        for asked in iter(sys.stdin.readline, ""):
            if asked.strip() == "download":
                message = next(each.message for each in await client.get_dialogs() if each.message.file)
                print((await client.download_media(message, bytes)).decode(), flush=True)
            else:
                sent = await client.send_message("me", asked.strip())
                print("sent", sent.id, flush=True)


asyncio.run(main())
