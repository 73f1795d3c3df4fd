"""What the daemon keeps going for people: archives, checks, renewals, programs of their own.

- `job`: what a job is, and which commands may be one
- `schedule`: when it runs (pure)
- `table`: ``jobs.toml``, where a person writes them down
- `memory`: what became of their runs, on disk
- `policy`: when one starts again, and when not (pure)
- `obstacles`: why one must not start now: its session set aside, Telegram's "not before", a locked vault
- `child`: the process between the daemon and a job's program, so that neither outlives the other unseen
- `process`: one run of a job
- `supervisor`: all of them together; `shown`: as they are shown
"""
