"""Looks up somebody it has met before, by phone number: only its session file knows who that is. ``who_is.py WHO``"""

import sys

from telethon.sync import TelegramClient

with TelegramClient("known", 1, "a" * 32) as client:
    print(client.get_input_entity(sys.argv[1]).user_id)
