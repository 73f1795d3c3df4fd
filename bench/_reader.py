"""A program that reads a chat as most do: ``python _reader.py PORT KEY CHAT nothing|FILE``.

It goes through ``iter_messages`` on a key of its own, and keeps nothing, or each message with an INSERT and a commit of
its own. It says how many seconds it took.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time

from bench._lending import bare_client


async def main(port: int, key: str, chat: int, to: str) -> None:
    began = time.perf_counter()
    async with bare_client(2, "127.0.0.1", port, key) as client:
        await client.get_dialogs()
        count = 0
        if to == "nothing":
            async for _ in client.iter_messages(chat, wait_time=0):
                count += 1
        else:
            database = sqlite3.connect(to)
            database.execute("CREATE TABLE messages (chat_id, id, date, sender_id, text, PRIMARY KEY (chat_id, id))")
            async for message in client.iter_messages(chat, wait_time=0):
                row = (chat, message.id, message.date.timestamp(), message.sender_id, message.text)
                database.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?)", row)
                database.commit()
                count += 1
            database.close()
        took = time.perf_counter() - began
    print(json.dumps({"seconds": took, "messages": count}), flush=True)


asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]))
