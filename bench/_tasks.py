"""The application of the figure in `tasks`: a task that does nothing, and one that borrows."""

import os

from celery import Celery

import telekeep

app = Celery("bench", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.broker_connection_retry_on_startup = True


@app.task
def empty():
    return 1


@app.task(base=telekeep.SessionTask, session="main")
async def borrowed(client):
    return (await client.get_me()).id
