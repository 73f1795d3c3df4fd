"""``telekeep recover``: mend what can be mended without a person, and say what cannot."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.clearing import wait_until_clear
from telekeep.cli.command import Invocation, command
from telekeep.cli.diagnostics import page, patience_of
from telekeep.cli.output import style
from telekeep.cli.passphrase import unlock_first
from telekeep.errors import TelegramRateLimitError, TelekeepError
from telekeep.words import span

if TYPE_CHECKING:
    from telekeep.health.actions import Action
    from telekeep.health.check import Finding
    from telekeep.keeper.keeper import Keeper

_ROUNDS = 3  # what was mended may show what was hidden behind it
_CONNECTING = 20.0  # seconds for a daemon to reach Telegram again, once it may


@command(
    epilog="Examples: telekeep recover\n          telekeep recover main --yes\n"
    "          telekeep recover main --when-clear"
)
@click.argument("name", type=NAME, required=False)
@click.option("--offline", is_flag=True, help="Connect to nothing, but for a key that is to be re-checked.")
@click.option("--when-clear", is_flag=True, help="First wait until every flood wait is over; then go on unasked.")
def recover(invocation: Invocation, name: str | None, offline: bool, when_clear: bool) -> int:
    """Mend what `telekeep diagnostics` finds and you need not decide: modes, what a daemon left that is gone, a damaged
    record (its newest whole generation is put in force), a damaged lagging file, a daemon that was killed or is of
    another release. A key in quarantine is asked about once more, alone.

    Asks first; --yes does not. Nothing is deleted, nobody is logged in, and no code is asked for. With --when-clear it
    waits for Telegram first, shows how long, and asks for nothing before the time: Ctrl-C ends that, and changes
    nothing. Exit code: that of `telekeep diagnostics` afterwards.
    """
    from telekeep.health.check import exit_code

    names = (name,) if name else ()
    mended = Mended()
    with invocation.keeper() as keeper:
        unlock_first(keeper)
        for _ in range(_ROUNDS):
            if when_clear:
                mended.waited += wait_until_clear(invocation.out, keeper, names)
            _mend(invocation, keeper, names, mended, asks=not when_clear)
            if when_clear and not offline:
                _until_connected(invocation, keeper)
            left = _examined(invocation, keeper, names, offline=offline)
            if not (when_clear and any(each.exit_code == TelegramRateLimitError.exit_code for each in left)):
                break  # else Telegram has asked to wait once more
    _tell(invocation, mended, left, waited=when_clear)
    return exit_code(left)


@dataclass
class Mended:
    """What was done, what could not be, and how many seconds were waited first."""

    done: list[Action] = field(default_factory=list)
    failed: list[tuple[Action, TelekeepError]] = field(default_factory=list)
    waited: float = 0.0

    @property
    def tried(self) -> list[Action]:
        return [*self.done, *(action for action, _ in self.failed)]


def _mend(invocation: Invocation, keeper: Keeper, names: tuple[str, ...], mended: Mended, *, asks: bool) -> None:
    for _ in range(_ROUNDS):
        actions = _planned(invocation, keeper, names, mended.tried)
        if not actions:
            return
        for action in actions:
            invocation.out.note(f"· {action.words}.")
        if asks:
            confirm(invocation, "Do this?" if len(actions) == 1 else f"Do these {len(actions)} things?")
        for action in actions:
            try:
                _carry_out(invocation, keeper, action)
                mended.done.append(action)
            except TelekeepError as error:
                mended.failed.append((action, error))


def _until_connected(invocation: Invocation, keeper: Keeper) -> None:
    """Give a daemon that was told to wait the time to reach Telegram again."""
    from telekeep.borrow.asking import ask

    end = time.monotonic() + _CONNECTING
    with invocation.out.progress("Waiting for the daemon to connect"):
        while time.monotonic() < end:
            try:
                said = ask(keeper.home, "status", timeout=5.0)
            except TelekeepError:
                return
            if all(each.get("state") != "connecting" for each in said.get("sessions", ())):
                return
            time.sleep(0.1)


def _planned(invocation: Invocation, keeper: Keeper, names: tuple[str, ...], tried: list[Action]) -> list[Action]:
    from telekeep.keeper.recover import plan

    return plan(_examined(invocation, keeper, names, offline=True), tried=tried).actions


def _examined(invocation: Invocation, keeper: Keeper, names: tuple[str, ...], *, offline: bool) -> list[Finding]:
    import asyncio

    from telekeep.keeper.diagnose import diagnose
    from telekeep.work.alone import is_free

    unlock_first(keeper)
    with invocation.out.progress("Checking"):
        found = diagnose(
            keeper, names, offline=offline, patience=patience_of(keeper), runs=lambda: not is_free(keeper.home)
        )
        return asyncio.run(found)


def _carry_out(invocation: Invocation, keeper: Keeper, action: Action) -> None:
    from telekeep.health.actions import RestartDaemon
    from telekeep.work.mending import carry_out

    if isinstance(action, RestartDaemon):
        from telekeep.cli.daemon import restart_it

        restart_it(invocation)
        return
    try:
        carry_out(keeper, action)
    finally:
        keeper.close()  # whatever was open may be another file now


def _tell(invocation: Invocation, mended: Mended, left: list[Finding], *, waited: bool) -> None:
    from telekeep.health.check import exit_code
    from telekeep.keeper.recover import plan

    done, failed = mended.done, mended.failed
    by_hand = plan(left, tried=mended.tried).by_hand
    facts: dict[str, Any] = {
        **({"waited": mended.waited} if waited else {}),
        "done": [action.words for action in done],
        "failed": [{"action": action.words, "error": type(error).__name__, "message": error.message,
                    "remedy": error.remedy} for action, error in failed],
        "left": [each.facts() for each in by_hand],
        "exit_code": exit_code(left),
    }  # fmt: skip
    lines = [f"{style('✓', 'good')} Waited {span(mended.waited)}; Telegram was not asked."] if mended.waited else []
    lines += [f"{style('✓', 'good')} {action.words}: done." for action in done]
    for action, error in failed:
        lines += [f"{style('✗', 'bad')} {action.words}: {error.message}", f"  → {error.remedy}"]
    if by_hand:
        lines += ["This needs you:", *page(by_hand)]
    elif not failed:
        lines.append("All is well." if done else "All is well; there was nothing to mend.")
    invocation.out.data(facts, () if invocation.quiet and not (by_hand or failed) else lines)
