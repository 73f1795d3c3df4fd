"""Passes what is marked for it on to Saved Messages."""

import os

from telethon import TelegramClient, events
from telethon.sessions import StringSession

client = TelegramClient(StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef")


@client.on(events.NewMessage(incoming=True))
async def forward(event):
    if "forward this" in event.raw_text:
        await client.send_message("me", event.message)
        print("forwarded", event.raw_text, flush=True)


client.start()
print("ready", flush=True)
client.run_until_disconnected()
