"""Asks for a file, and saves it. The file lies at another data center."""

import asyncio
import hashlib

from telethon import TelegramClient, events

client = TelegramClient("downloader", 1, "a" * 32)
done = asyncio.Event()


@client.on(events.NewMessage(incoming=True))
async def save(event):
    if event.file:
        print(hashlib.sha256(await event.download_media(bytes)).hexdigest(), event.document.dc_id)
        done.set()


async def main():
    async with client:
        await client.send_message("grace", "Have you a file for me?")
        await asyncio.wait_for(done.wait(), 30)


asyncio.run(main())
