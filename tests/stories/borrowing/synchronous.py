"""A script without asyncio: writes, reads, edits, deletes."""

import os

from telethon.sessions import StringSession
from telethon.sync import TelegramClient

with TelegramClient(StringSession(os.environ["SESSION"]), 12345, "0123456789abcdef0123456789abcdef") as client:
    print(client.get_me().first_name)
    first = client.send_message("me", "a note")
    second = client.send_message("me", "another note")
    client.edit_message("me", first.id, "a better note")
    client.delete_messages("me", [second.id])
    print([message.raw_text for message in client.iter_messages("me") if "note" in message.raw_text])
    print(len(client.get_dialogs()) > 0)
