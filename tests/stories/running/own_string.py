"""Carries a string of its own in a JSON file, as its authors' guide says."""

import json

from telethon.sessions import StringSession
from telethon.sync import TelegramClient

with open("settings.json") as file:
    settings = json.load(file)
with TelegramClient(StringSession(settings["session"]), settings["api_id"], settings["api_hash"]) as client:
    client.send_message("me", "from a string")
    print(client.get_me().id, client.session.save() == settings["session"])
