"""A channel monitor: Celery beat asks for what is new, a worker fetches it on a loan and keeps it in SQLite.

MONITOR_CHATS: the chats, as usernames or links, separated by commas · MONITOR_DB: the archive · BROKER: a Redis.
"""

import os
import sqlite3

from celery import Celery

import telekeep

CHATS = [chat for chat in os.environ.get("MONITOR_CHATS", "").split(",") if chat]
LIMIT = 200  # messages that one run fetches of a chat; the next one goes on from there

app = Celery("monitor", broker=os.environ.get("BROKER", "redis://localhost:6379/0"))
app.conf.update(
    result_backend=app.conf.broker_url,
    broker_connection_retry_on_startup=True,
    beat_schedule={
        f"fetch {chat}": {
            "task": "tasks.fetch",
            "schedule": float(os.environ.get("MONITOR_SECONDS", "240")),
            "args": [chat],
        }
        for chat in CHATS
    },
)


@app.task(base=telekeep.SessionTask, session="main", grant="archive")
async def fetch(client, chat):
    """Fetch what is new in ``chat``; how many messages that were. Each is kept once, however often this runs."""
    archive = sqlite3.connect(os.environ.get("MONITOR_DB", "monitor.db"))
    archive.execute("CREATE TABLE IF NOT EXISTS messages (chat, id, date, text, PRIMARY KEY (chat, id))")
    (seen,) = archive.execute("SELECT coalesce(max(id), 0) FROM messages WHERE chat = ?", (chat,)).fetchone()
    found = [
        (chat, message.id, message.date.isoformat(), message.raw_text)
        async for message in client.iter_messages(chat, min_id=seen, reverse=True, limit=LIMIT)
    ]
    with archive:
        archive.executemany("INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?)", found)
    archive.close()
    return len(found)
