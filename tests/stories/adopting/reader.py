"""A program that reads its sessions from a JSON, .env or text file: ``reader.py FILE TEXT``.

It knows nothing of telekeep. Sends a message as each account, and says who it is and what was sent.
"""

import json
import re
import sys
from pathlib import Path

from telethon.sessions import StringSession
from telethon.sync import TelegramClient


def sessions(path):
    text = path.read_text()
    if path.suffix == ".json":
        return [each["session"] for each in json.loads(text)["accounts"]]
    if path.name == ".env":
        return re.findall(r"(?m)^(?:export )?TELEGRAM_SESSION\w*='?([^'\s#]+)'?", text)
    return [text.strip()]


for session in sessions(Path(sys.argv[1])):
    with TelegramClient(StringSession(session), 1, "0" * 32) as client:
        client.send_message("me", sys.argv[2])
        sent = [message.raw_text for message in client.iter_messages("me")]
        print(client.get_me().id, "|".join(reversed(sent)), sep="|", flush=True)
