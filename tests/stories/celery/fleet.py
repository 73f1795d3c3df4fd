"""The application of the story's workers: tasks that write down, at Telegram, that they were done."""

import asyncio
import os
from pathlib import Path

from celery import Celery

import telekeep

app = Celery("fleet", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(
    broker_transport_options={"visibility_timeout": float(os.environ.get("VISIBILITY", "3600"))},
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    task_reject_on_worker_lost=True,
    result_expires=3600,
)


@app.task(base=telekeep.SessionTask, session="main")
async def say(client, number):
    """Two calls, with a pause in which a worker may die."""
    sent = await client.send_message("me", f"task {number}")
    await asyncio.sleep(float(os.environ.get("PAUSE", "0.02")))
    await client.get_messages("me", limit=1)
    return sent.id


@app.task(base=telekeep.SessionTask, session="main")
async def look(client):
    return len(await client.get_messages("me", limit=5))


@app.task(base=telekeep.SessionTask, session="main")
async def sleep(client):
    Path("asleep").write_text(str(os.getpid()))
    try:
        await asyncio.Event().wait()
    finally:
        await client.send_message("me", "cleaned up")
