"""A program that reads its session from a text file, and stays connected: ``held.py FILE``."""

import sys
from pathlib import Path

from telethon.sessions import StringSession
from telethon.sync import TelegramClient

with TelegramClient(StringSession(Path(sys.argv[1]).read_text().strip()), 1, "0" * 32) as client:
    print(client.get_me().id, flush=True)
    sys.stdin.read()
