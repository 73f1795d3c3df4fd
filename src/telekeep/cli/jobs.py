"""``telekeep jobs``: what the daemon keeps going, what became of it, and when it runs next."""

from __future__ import annotations

import time
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import as_usage
from telekeep.cli.command import Invocation, Usage, group
from telekeep.cli.output import moment, since
from telekeep.cli.shelf import table
from telekeep.errors import GatewayError

if TYPE_CHECKING:
    from telekeep.paths import Home

_LINES = 50
_STOPPING = 30.0  # seconds for a job to end: its grace, and some


@group(
    epilog="Examples: telekeep jobs add night --cron '0 3 * * *' -- archive historical main @news --to news.db\n"
    "          telekeep jobs add bot -- run main -- python bot.py\n"
    "          telekeep jobs list"
)
def jobs() -> None:
    """Let the daemon keep commands going: archives, checks, renewals, and programs of your own.

    A job that fails is started again, later each time; one that Telegram tells to wait is quiet until then; one whose
    session needs a login waits for it. They are written down in jobs.toml in the home, which may be edited by hand.
    """


@jobs.command(
    epilog="Examples: telekeep jobs add live -- archive monitor main @news --to news.db\n"
    "          telekeep jobs add check --every 6h -- test main\n"
    "          telekeep jobs add night --cron '0 3 * * *' -- archive historical main @news --to news.db"
)
@click.argument("job")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND…")
@click.option("--every", metavar="SPAN", help="From one start to the next: 90s, 15m, 8h, 1d.")
@click.option("--cron", metavar="EXPRESSION", help="Minute, hour, day, month, day of the week, in local time.")
@click.option("--at", metavar="MOMENT", help="Once: 2026-12-24T18:00, in local time.")
@click.option("--session", metavar="NAME", help="Whose troubles keep it from starting, if the command does not say.")
def add(
    invocation: Invocation,
    job: str,
    words: tuple[str, ...],
    every: str | None,
    cron: str | None,
    at: str | None,
    session: str | None,
) -> None:
    """Add a job, and begin. Without --every, --cron and --at it is to run always, and is started again when it ends.

    It runs in the folder you are in now, without a terminal: what it says is shown by `telekeep jobs logs`. A program
    of yours is the one that its name means here and now, whatever the daemon's PATH is.
    """
    from telekeep.borrow.asking import home_of
    from telekeep.paths import private_folder
    from telekeep.work.jobs import table
    from telekeep.work.jobs.job import make
    from telekeep.work.jobs.schedule import Schedule

    with as_usage():
        new = make(job, _in_full(words), Schedule.read(every=every, cron=cron, at=at), session, Path.cwd())
    where = home_of(invocation.home)
    private_folder(where.root)
    table.add(where, new)
    found = ask_daemon(invocation, "jobs_changed")
    (made,) = (each for each in found if each["name"] == job)
    invocation.out.data(made, [] if invocation.quiet else [f"Job {job}: {new.told}, {new.schedule.told}."])


@jobs.command("list", epilog="Examples: telekeep jobs list\n          telekeep jobs list --json")
def list_(invocation: Invocation) -> None:
    """Show each job: its schedule, whether it runs, how the last run ended, when the next is."""
    found = listed(_home(invocation))
    if invocation.json:
        invocation.out.data({"jobs": found})
        return
    if not found:
        invocation.out.words("There are no jobs.", "→ Add one: telekeep jobs add --help")
        return
    invocation.out.data({}, lines(found))


@jobs.command(epilog="Examples: telekeep jobs start night\n          telekeep jobs start night --now")
@click.argument("job")
@click.option("--now", is_flag=True, help="Run it at once, whatever its schedule says.")
def start(invocation: Invocation, job: str, now: bool) -> None:
    """Let a job run again that was stopped, or that was given up."""
    from telekeep.work.jobs import table

    table.named(table.read(_home(invocation)), job)
    ask_daemon(invocation, "jobs_changed")
    found = ask_daemon(invocation, "job_start", name=job, now=now)
    invocation.out.data(found, [] if invocation.quiet else [f"Job {job}: {_next(found)}."])


@jobs.command(epilog="Example: telekeep jobs stop night")
@click.argument("job")
def stop(invocation: Invocation, job: str) -> None:
    """End a job's run (it has 15 seconds), and start none until `telekeep jobs start`."""
    stopped(invocation, job)
    invocation.out.data({"name": job, "state": "stopped"}, [] if invocation.quiet else [f"Job {job} is stopped."])


@jobs.command(epilog="Example: telekeep jobs remove night")
@click.argument("job")
def remove(invocation: Invocation, job: str) -> None:
    """End a job, and strike it out of jobs.toml. What it has made stays."""
    from telekeep.borrow.asking import ask, hail
    from telekeep.work.jobs import table
    from telekeep.work.jobs.memory import Memories

    where = _home(invocation)
    table.remove(where, job)
    if hail(where) is not None:
        with invocation.out.progress("It has 15 seconds to end"):
            ask(where, "jobs_changed", timeout=_STOPPING)
    else:
        Memories(where).forget(job)
    invocation.out.data({"name": job, "removed": True}, [] if invocation.quiet else [f"Job {job} is removed."])


@jobs.command(epilog="Examples: telekeep jobs logs night\n          telekeep jobs logs night --follow")
@click.argument("job")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--lines", "count", type=click.IntRange(min=0), default=_LINES, help=f"How many last lines ({_LINES}).")
def logs(invocation: Invocation, job: str, follow: bool, count: int) -> None:
    """Show what the runs of a job have said."""
    show_log(invocation, job, follow, count)


def _in_full(words: tuple[str, ...]) -> tuple[str, ...]:
    """A command line with the program after its ``--`` in full."""
    at = words.index("--") + 1 if "--" in words else len(words)
    found = which(words[at]) if at < len(words) else None
    return (*words[:at], str(Path(found).absolute()), *words[at + 1 :]) if found else words


def stopped(invocation: Invocation, job: str) -> None:
    """End a job's run, and let none begin. Raises ConfigError if there is no such job."""
    from telekeep.borrow.asking import ask, hail
    from telekeep.work.jobs import table
    from telekeep.work.jobs.memory import Memories

    where = _home(invocation)
    table.named(table.read(where), job)
    if hail(where) is None:
        memories = Memories(where)
        memories.keep(job, memories.of(job).stopped())
        return
    with invocation.out.progress("It has 15 seconds to end"):
        ask(where, "jobs_changed")
        ask(where, "job_stop", timeout=_STOPPING, name=job)


def show_log(invocation: Invocation, job: str, follow: bool, count: int) -> None:
    """What the runs of a job have said."""
    from telekeep.cli.tail import followed, last
    from telekeep.work.jobs import table
    from telekeep.work.jobs.process import log_of

    where = _home(invocation)
    table.named(table.read(where), job)
    log = log_of(where, job)
    if invocation.json:
        if follow:
            raise Usage("--follow has no end, and --json is one object.", remedy="Leave one of them away.")
        invocation.out.data({"log": str(log), "lines": last(log, count)})
        return
    for line in followed(log, count) if follow else last(log, count):
        invocation.out.data({}, [line])


def listed(where: Home) -> list[dict[str, Any]]:
    """The jobs of a home, as its daemon knows them, or as they are written down where none runs."""
    from telekeep.borrow.asking import ask
    from telekeep.work.jobs.table import path

    if not path(where).exists():
        return []

    try:
        found: list[dict[str, Any]] = ask(where, "jobs")
    except GatewayError:
        from telekeep.work.jobs import table
        from telekeep.work.jobs.memory import Memories
        from telekeep.work.jobs.shown import shown

        memories, now = Memories(where), time.time()
        return [shown(job, memories.of(name), now, None) for name, job in table.read(where).items()]
    return found


def lines(found: list[dict[str, Any]]) -> list[str]:
    """A table of jobs, for people."""
    rows = [("JOB", "SCHEDULE", "STATE", "LAST RUN", "NEXT RUN", "COMMAND")]
    return table([*rows, *map(_row, found)])


def _row(job: dict[str, Any]) -> tuple[str, ...]:
    ran = f"{job['result'] or 'told to end'}, {since(time.time() - job['ended_at'])} ago" if job["ended_at"] else "-"
    state = f"running (pid {job['pid']})" if job["pid"] else job["state"]
    upcoming = moment(job["next_run"]) if job["next_run"] else "-"
    return (job["name"], job["schedule"], state, ran, upcoming, " ".join(job["command"])[:60])


def _next(job: dict[str, Any]) -> str:
    if job["pid"]:
        return "it runs"
    return f"it runs next at {moment(job['next_run'])}" if job["next_run"] else job["state"]


def _home(invocation: Invocation) -> Home:
    from telekeep.borrow.asking import home_of

    return home_of(invocation.home)


def ask_daemon(invocation: Invocation, verb: str, **fields: Any) -> Any:
    """`Invocation.ask_daemon`, with the patience that stopping a job takes."""
    return invocation.ask_daemon(verb, timeout=_STOPPING, **fields)
