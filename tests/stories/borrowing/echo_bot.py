"""An echo bot: says again whatever it is told to. Its session comes from a variable."""

import os

from telethon import TelegramClient, events
from telethon.sessions import StringSession

client = TelegramClient(StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef")


@client.on(events.NewMessage(incoming=True, pattern=r"/echo (.+)"))
async def echo(event):
    await event.reply(event.pattern_match.group(1))


with client:
    print("ready", flush=True)
    client.run_until_disconnected()
