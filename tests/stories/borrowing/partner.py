"""Grace, at the other end: answers questions, sends a file, and notes what she gets."""

import asyncio
import hashlib
import io

from telethon import events

import telekeep

FILE = hashlib.sha512(b"grace").digest() * 5000  # 320 kB


async def main():
    client = telekeep.client("grace", direct=True)

    @client.on(events.NewMessage(incoming=True))
    async def heard(event):
        print("heard", event.id, event.grouped_id or "-", bool(event.photo), event.raw_text, sep="|", flush=True)
        text = event.raw_text
        if text == "What is your name?":
            await event.respond("Grace")
        elif "a file for me" in text:
            file = io.BytesIO(FILE)
            file.name = "notes.bin"
            await event.reply(file=file)
        elif "echo bot" in text:
            await event.respond("/echo hello to all")
        elif "forwarded" in text:
            await event.respond("forward this, please")

    async with client:
        print("ready", hashlib.sha256(FILE).hexdigest(), flush=True)
        await client.run_until_disconnected()


asyncio.run(main())
