"""Writes to somebody it has met before: only its session file knows who that is. ``writes_to.py WHO``"""

import sys

from telethon.sync import TelegramClient

with TelegramClient("known", 1, "a" * 32) as client:
    client.send_message(sys.argv[1], "it is me again")
    print("sent")
