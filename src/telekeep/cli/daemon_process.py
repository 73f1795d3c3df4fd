"""Being the daemon: in the foreground, or in a process of its own that outlives whoever summoned it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from telekeep.errors import SessionConflict, TelekeepError

if TYPE_CHECKING:
    from pathlib import Path

    from telekeep.cli.command import Invocation
    from telekeep.settings import Settings
    from telekeep.work.detach import Detached
    from telekeep.work.keeping import DaemonKeeper


def _opened(invocation: Invocation) -> DaemonKeeper:
    from telekeep.paths import private_folder
    from telekeep.work.keeping import DaemonKeeper

    keeper = DaemonKeeper.open(home=invocation.home, network=invocation.network)
    for folder in (keeper.home.root, keeper.home.run, keeper.home.log):
        private_folder(folder)
    return keeper


def _settings(keeper: DaemonKeeper) -> Settings:
    """What is set, or, if that contradicts itself, what is usual: a daemon serves all the same, and `reload` tells."""
    from telekeep.errors import ConfigError
    from telekeep.settings import Settings

    try:
        return keeper.settings
    except ConfigError:
        return Settings()


def run(invocation: Invocation, idle: float | None) -> None:
    """Be the daemon, in the foreground."""
    from telekeep.work import log

    keeper = _opened(invocation)
    handler = log.to_stream(format=_settings(keeper).log_format)
    try:
        _serve(keeper, _network(invocation), idle, None, lambda: invocation.out.words(f"ready {keeper.home.control}"))
    finally:
        log.remove(handler)


def run_detached(invocation: Invocation, idle: float | None) -> int:
    """Be the daemon in a process of its own; this one ends when it serves. Only `borrow.summon` asks for this."""
    from telekeep.work.detach import detach

    keeper = _opened(invocation)
    left = detach()
    if left is None:
        return 0
    return _in_background(keeper, _network(invocation), idle, left)


def _in_background(keeper: DaemonKeeper, network: str, idle: float | None, left: Detached) -> int:
    import logging

    from telekeep.borrow.asking import hail
    from telekeep.borrow.summon import PATIENCE
    from telekeep.work import log

    path = keeper.home.log / "daemon.log"
    try:
        log.to_file(path, streams=True, format=_settings(keeper).log_format)
        _serve(keeper, network, idle, path, left.serves, patience=PATIENCE)
    except TelekeepError as error:
        if isinstance(error, SessionConflict) and hail(keeper.home) is not None:
            left.serves()  # another one was quicker
            return 0
        logging.getLogger(__name__).error("%s: %s", type(error).__name__, error.message)
        left.fails(error)
        return error.exit_code
    return 0


def _network(invocation: Invocation) -> str:
    from telekeep.borrow.summon import in_full

    return in_full(invocation.network or "production")


def _serve(
    keeper: DaemonKeeper, network: str, idle: float | None, log: Path | None, ready: Any, *, patience: float = 1.0
) -> None:
    import asyncio

    from telekeep.loading import settled
    from telekeep.work import core
    from telekeep.work.daemon import Daemon

    core.none()
    with settled():
        from telekeep.work.health import HealthRound, Owned
        from telekeep.work.jobs.supervisor import Jobs
        from telekeep.work.log import log_events
        from telekeep.work.owners import Owners
        from telekeep.work.room import make_room

    make_room()
    with keeper:
        log_events(keeper.events)
        owners = Owners(keeper)
        hours = _settings(keeper).health_hours
        health = HealthRound(keeper, Owned(owners.turn, owners.devices), interval=hours * 3600)
        jobs = Jobs(keeper, network)
        besides = [jobs.run, *([health.run] if hours else [])]
        daemon = Daemon(
            keeper, owners, idle=idle, log=log, besides=besides, more=jobs.verbs(), is_needed=lambda: jobs.is_busy
        )
        asyncio.run(daemon.run(ready=ready, patience=patience))
