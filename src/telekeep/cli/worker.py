"""``telekeep worker``: a Celery worker, with beat, that the daemon keeps going."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.command import Invocation, group
from telekeep.errors import ConfigError, OwnerAbsent

if TYPE_CHECKING:
    from telekeep.paths import Home

JOB = "worker"
_LINES = 50


@group(epilog="Examples: telekeep worker start --app tasks\n          telekeep worker status")
def worker() -> None:
    """A Celery worker whose tasks borrow kept sessions (telekeep.SessionTask), one queue for each session.

    It is a job of the daemon, called "worker": started again if it dies, and told to end with 15 seconds of grace.
    """


@worker.command(
    epilog="Examples: telekeep worker start --app tasks\n"
    "          telekeep worker start --app shop.tasks:app --concurrency 4 -- --max-tasks-per-child 100"
)
@click.option("--app", metavar="MODULE[:NAME]", help="The Celery application, as for `celery -A`.")
@click.option("--concurrency", type=click.IntRange(min=1), help="How many processes; Celery's own default: cores.")
@click.option("--no-beat", is_flag=True, help="Without beat, where another process keeps the schedule.")
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- CELERY OPTIONS…]")
def start(
    invocation: Invocation, app: str | None, concurrency: int | None, no_beat: bool, more: tuple[str, ...]
) -> None:
    """Start the worker, in the folder you are in. Without --app: the one that was stopped."""
    from pathlib import Path

    from telekeep.cli.jobs import ask_daemon
    from telekeep.paths import private_folder
    from telekeep.work.jobs import table
    from telekeep.work.jobs.job import make
    from telekeep.work.jobs.schedule import ALWAYS

    where = _home(invocation)
    known = table.read(where)
    if app is None and JOB not in known:
        raise ConfigError("There is no worker yet.", remedy="Name its application: telekeep worker start --app MODULE")
    if app is not None:
        _check(app)
        words = ["worker", "run", "--app", app]
        words += ["--concurrency", str(concurrency)] if concurrency else []
        words += ["--no-beat"] if no_beat else []
        new = make(JOB, (*words, *(("--", *more) if more else ())), ALWAYS, directory=Path.cwd())
        private_folder(where.root)
        if JOB in known:
            table.remove(where, JOB)
        table.add(where, new)
    ask_daemon(invocation, "jobs_changed")
    found = ask_daemon(invocation, "job_start", name=JOB)
    invocation.out.data(found, [] if invocation.quiet else ["The worker starts. → telekeep worker logs --follow"])


@worker.command(epilog="Example: telekeep worker stop")
def stop(invocation: Invocation) -> None:
    """Stop the worker: running tasks have 10 seconds to end, then they go back to the broker."""
    from telekeep.cli.jobs import stopped

    _known(invocation)
    stopped(invocation, JOB)
    invocation.out.data({"name": JOB, "state": "stopped"}, [] if invocation.quiet else ["The worker has stopped."])


@worker.command(epilog="Example: telekeep worker restart")
def restart(invocation: Invocation) -> None:
    """Stop the worker if it runs, and start it."""
    from telekeep.cli.jobs import ask_daemon, stopped

    _known(invocation)
    stopped(invocation, JOB)
    ask_daemon(invocation, "jobs_changed")
    found = ask_daemon(invocation, "job_start", name=JOB)
    invocation.out.data(found, [] if invocation.quiet else ["The worker was restarted."])


@worker.command(epilog="Example: telekeep worker status --json")
def status(invocation: Invocation) -> int:
    """Show whether the worker runs. Exit code 0 if it does, 8 if not."""
    from telekeep.cli.jobs import lines, listed

    found = next((each for each in listed(_home(invocation)) if each["name"] == JOB), None)
    if found is None:
        invocation.out.data({"running": False}, ["There is no worker.", "→ telekeep worker start --app MODULE"])
        return OwnerAbsent.exit_code
    running = found["pid"] is not None
    invocation.out.data({"running": running, **found}, lines([found]))
    return 0 if running else OwnerAbsent.exit_code


@worker.command(epilog="Examples: telekeep worker logs\n          telekeep worker logs --follow")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--lines", "count", type=click.IntRange(min=0), default=_LINES, help=f"How many last lines ({_LINES}).")
def logs(invocation: Invocation, follow: bool, count: int) -> None:
    """Show what the worker has said."""
    from telekeep.cli.jobs import show_log

    _known(invocation)
    show_log(invocation, JOB, follow, count)


@worker.command(epilog="Example: telekeep worker run --app tasks", hidden=True)
@click.option("--app", metavar="MODULE[:NAME]", required=True)
@click.option("--concurrency", type=click.IntRange(min=1))
@click.option("--no-beat", is_flag=True)
@click.argument("more", nargs=-1, type=click.UNPROCESSED, metavar="[-- CELERY OPTIONS…]")
def run(invocation: Invocation, app: str, concurrency: int | None, no_beat: bool, more: tuple[str, ...]) -> None:
    """Be the worker. The daemon starts this."""
    from telekeep.paths import private_folder
    from telekeep.work.celery.command import ENVIRONMENT, command

    _check(app)
    where = _home(invocation)
    with invocation.keeper() as keeper:
        sessions = [entry.name for entry in keeper.vault.entries()]
    folder = private_folder(where.root / "celery")
    words = command(app, sessions, folder, concurrency=concurrency, beat=not no_beat, more=more)
    os.execve(words[0], words, {**os.environ, **ENVIRONMENT})


def _check(app: str) -> None:
    """Celery is there, and so is the module that ``app`` begins with; nothing of either is run. Raises ConfigError."""
    from importlib.machinery import PathFinder
    from importlib.util import find_spec
    from pathlib import Path

    if find_spec("celery") is None:
        raise ConfigError("Celery is not installed.", remedy="pip install 'telekeep[celery]'")
    module = app.partition(":")[0].partition(".")[0]
    if PathFinder.find_spec(module, [str(Path.cwd()), *sys.path]) is None:
        raise ConfigError(
            f"There is no module {module!r} in this folder, and none is installed.",
            remedy="Go to the folder that `celery -A` is started in, and name the application as there.",
        )


def _known(invocation: Invocation) -> Any:
    from telekeep.work.jobs import table

    known = table.read(_home(invocation))
    if JOB not in known:
        raise ConfigError("There is no worker.", remedy="Start one: telekeep worker start --app MODULE")
    return known[JOB]


def _home(invocation: Invocation) -> Home:
    from telekeep.borrow.asking import home_of

    return home_of(invocation.home)
