"""Tasks of Celery that borrow a session for as long as they run.

- `task`: the base of such tasks
- `loop`: an event loop beside the task, because Celery has none
- `pool`: clients that its tasks take turns with
- `once`: a task that is delivered twice does its work once
- `result`: what a task answers with, and whether it is tried again (pure)
- `redelivery`: how soon a killed worker's tasks are given back
- `command`: the worker's command line, and what the queues are called
"""
