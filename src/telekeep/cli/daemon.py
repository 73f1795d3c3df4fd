"""``telekeep daemon``: the process that owns sessions and lends them: its start, its end, what it says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.command import Invocation, Usage, group
from telekeep.cli.output import moment, since
from telekeep.errors import ConfigError, GatewayError, OwnerAbsent

if TYPE_CHECKING:
    from telekeep.paths import Home

STOPPING = 25.0  # seconds for a daemon to end: the grace of running calls, and some
_STEP = 0.02  # seconds between two looks whether it has
_LINES = 50


@group(epilog="Examples: telekeep daemon start\n          telekeep daemon logs --follow")
def daemon() -> None:
    """The daemon: the one process that owns sessions and lends them to any number of programs.

    Programs that borrow start it by themselves. Started by hand it runs until it is stopped.
    """


@daemon.command(
    epilog="Examples: telekeep daemon start\n          telekeep daemon start --foreground    (for service managers)"
)
@click.option("--foreground", is_flag=True, help="Run here until stopped, and log to standard error.")
@click.option("--idle", type=click.FloatRange(min=0, min_open=True), help="End after so many seconds without use.")
@click.option("--detached", is_flag=True, hidden=True, help="With --foreground: go on in a process of its own.")
def start(invocation: Invocation, foreground: bool, idle: float | None, detached: bool) -> int | None:
    """Start the daemon. It serves when this returns; if one runs already, this says so.

    --foreground speaks systemd's notify protocol (ready, reload, watchdog); SIGHUP reads the settings again.
    """
    from telekeep.cli.startup import check

    if foreground:
        from telekeep.cli.daemon_process import run, run_detached

        if detached:
            return run_detached(invocation, idle)
        check(invocation)
        run(invocation, idle)
    else:
        check(invocation)
        _started(invocation, idle)
    return None


@daemon.command(epilog="Example: telekeep daemon stop")
def stop(invocation: Invocation) -> None:
    """Stop the daemon: no new calls, those that run have 15 seconds to end. If none runs, this says so."""
    was = _stopped(invocation)
    said = "The daemon has stopped." if was else "No daemon runs."
    invocation.out.data({"running": False, "stopped": was}, () if invocation.quiet else [said])


@daemon.command(epilog="Example: telekeep daemon restart")
@click.option("--idle", type=click.FloatRange(min=0, min_open=True), help="End after so many seconds without use.")
def restart(invocation: Invocation, idle: float | None) -> None:
    """Stop the daemon if one runs, and start it. Loans go on, at the same addresses."""
    from telekeep.cli.startup import check

    check(invocation)
    _refuse_if_supervised(invocation)
    _stopped(invocation)
    _started(invocation, idle)


@daemon.command(epilog="Example: telekeep daemon status --json")
def status(invocation: Invocation) -> int:
    """Show whether the daemon runs, since when, whether the vault is locked, and what it owns.

    Exit code 0 if it runs, 8 if not.
    """
    found = _status(invocation)
    if found is None:
        invocation.out.data({"running": False}, ["No daemon runs.", "→ Start it with `telekeep daemon start`."])
        return OwnerAbsent.exit_code
    invocation.out.data({"running": True, **found}, _page(found))
    return 0


@daemon.command(epilog="Examples: telekeep daemon logs\n          telekeep daemon logs --follow --lines 10")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("--lines", type=click.IntRange(min=0), default=_LINES, help=f"How many of the last lines ({_LINES}).")
def logs(invocation: Invocation, follow: bool, lines: int) -> None:
    """Show what the daemon has logged. It holds no secrets."""
    from telekeep.cli.tail import followed, last
    from telekeep.paths import home

    log = home(invocation.home).log / "daemon.log"
    if invocation.json:
        if follow:
            raise Usage("--follow has no end, and --json is one object.", remedy="Leave one of them away.")
        invocation.out.data({"log": str(log), "lines": last(log, lines)})
        return
    found = last(log, lines)
    if not found and not follow:
        invocation.out.note(f"Nothing is logged in {log}. A daemon in the foreground logs to its standard error.")
    for line in followed(log, lines) if follow else found:
        invocation.out.data({}, [line])


@daemon.command(
    "install-service",
    epilog="Examples: telekeep daemon install-service\n          telekeep daemon install-service --print",
)
@click.option("--print", "only_print", is_flag=True, help="Print it, and write nothing.")
def install_service(invocation: Invocation, only_print: bool) -> None:
    """Let the service manager of your desktop or server run the daemon: a systemd user unit, or a launchd agent."""
    from telekeep import paths
    from telekeep.borrow.summon import in_full
    from telekeep.work.service import service

    made = service(paths.home(invocation.home), in_full(invocation.network or "production"))
    facts = {"path": str(made.path), "commands": list(made.commands)}
    if only_print:
        invocation.out.data({**facts, "text": made.text}, [made.text.rstrip("\n")])
        return
    before = made.path.read_text() if made.path.is_file() else None
    if before not in (None, made.text) and not invocation.yes:
        raise ConfigError(
            f"{made.path} is there already, and differs.", remedy="Look at it, then add --yes to replace it."
        )
    made.path.parent.mkdir(parents=True, exist_ok=True)
    paths.write_atomically(made.path, made.text.encode(), mode=0o644)
    told = [f"Written: {made.path}", *(f"→ Next: {command}" for command in made.commands)]
    invocation.out.data(facts, () if invocation.quiet else told)


# ---- start and stop


def restart_it(invocation: Invocation) -> None:
    """Stop the daemon, if it runs, and start it; as `restart`, for another command, without a word."""
    from telekeep.borrow.asking import home_of
    from telekeep.borrow.summon import summon

    _refuse_if_supervised(invocation)
    _stopped(invocation)
    with invocation.out.progress("Starting the daemon"):
        summon(home_of(invocation.home).root, invocation.network, idle=None)


def _refuse_if_supervised(invocation: Invocation) -> None:
    try:
        said = _status(invocation)
    except GatewayError:
        return
    if said is not None and said.get("supervised"):
        raise ConfigError(
            "The daemon is run by a service manager, which would not know of another one.",
            remedy="Run: systemctl --user restart telekeep",
        )


def _started(invocation: Invocation, idle: float | None) -> None:
    from telekeep.borrow.asking import hail, home_of
    from telekeep.borrow.summon import summon

    where = home_of(invocation.home)
    before = hail(where)
    with invocation.out.progress("Starting the daemon"):
        summon(where.root, invocation.network, idle=idle)
    said = hail(where)
    if said is None:
        raise OwnerAbsent("The daemon served, and is gone again.")
    ours = before is None or before["pid"] != said["pid"]
    facts = {"running": True, "started": ours, "pid": said["pid"], "control": str(where.control)}
    words = f"The daemon runs{'' if ours else ' already'} (pid {said['pid']})."
    invocation.out.data(facts, () if invocation.quiet else [words])


def _stopped(invocation: Invocation) -> bool:
    """Stop the daemon, if one runs, and wait until it is gone. Returns whether one ran."""
    from telekeep.borrow.asking import ask, home_of
    from telekeep.work.alone import is_free

    where = home_of(invocation.home)
    if is_free(where):
        return False
    with invocation.out.progress("Waiting for the daemon to end"):
        end = time.monotonic() + STOPPING
        told = False
        while not is_free(where):
            if not told:
                try:
                    ask(where, "stop", timeout=5.0)
                    told = True
                except OwnerAbsent:
                    pass  # it does not listen yet, or no longer
            if time.monotonic() > end:
                raise GatewayError(
                    f"The daemon{_pid(where)} did not end within {STOPPING:g} s.",
                    remedy="See `telekeep daemon logs`; as a last resort kill it with -9, which harms no session.",
                )
            time.sleep(_STEP)
    return True


def _pid(where: Home) -> str:
    import tomllib

    try:
        return f" (pid {tomllib.loads((where.run / 'daemon.toml').read_text())['pid']})"
    except (OSError, ValueError, KeyError):
        return ""


# ---- what it says of itself


def _status(invocation: Invocation) -> dict[str, Any] | None:
    from telekeep.borrow.asking import ask, home_of

    try:
        found: dict[str, Any] = ask(home_of(invocation.home), "status", timeout=5.0)
    except OwnerAbsent:
        from telekeep.work.alone import is_free

        where = home_of(invocation.home)
        if is_free(where):
            return None
        raise OwnerAbsent(
            f"The daemon{_pid(where)} runs, and does not answer.",
            remedy="It may be starting, or stopped by a signal: look again, then `telekeep daemon restart`.",
        ) from None
    return found


def _page(found: dict[str, Any]) -> list[str]:
    idle = found["idle_exit"]
    return [
        f"daemon    pid {found['pid']}, since {moment(found['since'])}, telekeep {found['version']}",
        f"network   {found['network']}",
        f"vault     {_vault(found)}",
        f"ends      {'when it is stopped' if idle is None else f'after {since(idle)} without use'}",
        f"log       {found['log'] or 'its standard error'}",
        f"sessions  {', '.join(map(_session, found['sessions'])) or 'none yet'}",
    ]


def _vault(found: dict[str, Any]) -> str:
    if found["locked"]:
        return "locked: `telekeep unlock`"
    if found["key_source"] is None:
        return "none yet"
    left = found["locks_in"]
    return f"open, key from a {found['key_source']}" + (f", locks in {since(left)}" if left is not None else "")


def _session(entry: dict[str, Any]) -> str:
    borrowers = sum(len(loan.get("borrowers", ())) for loan in entry.get("loans", ()))
    told = [str(entry["state"])] if entry.get("state") else []
    told += [f"{borrowers} borrower{'s' * (borrowers != 1)}"] if borrowers else []
    return f"{entry.get('name')} ({', '.join(told)})" if told else str(entry.get("name"))
