"""``telekeep recover``: mend what can be mended without a person, and say what cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Invocation, command
from telekeep.cli.diagnostics import page
from telekeep.cli.output import style
from telekeep.cli.passphrase import unlock_first
from telekeep.errors import TelekeepError

if TYPE_CHECKING:
    from telekeep.health.actions import Action
    from telekeep.health.check import Finding
    from telekeep.keeper.keeper import Keeper

_ROUNDS = 3  # what was mended may show what was hidden behind it


@command(epilog="Examples: telekeep recover\n          telekeep recover main --yes")
@click.argument("name", type=NAME, required=False)
@click.option("--offline", is_flag=True, help="Connect to nothing.")
def recover(invocation: Invocation, name: str | None, offline: bool) -> int:
    """Mend what `telekeep diagnostics` finds and you need not decide: modes, what a daemon left that is gone, a damaged
    record (its newest whole generation is put in force), a damaged lagging file, a daemon of another release.

    Asks first; --yes does not. Nothing is deleted, nobody is logged in, and no code is asked for. Exit code: that of
    `telekeep diagnostics` afterwards.
    """
    from telekeep.health.check import exit_code

    names = (name,) if name else ()
    done: list[Action] = []
    failed: list[tuple[Action, TelekeepError]] = []
    with invocation.keeper() as keeper:
        for _ in range(_ROUNDS):
            actions = _planned(invocation, keeper, names, [*done, *(action for action, _ in failed)])
            if not actions:
                break
            for action in actions:
                invocation.out.note(f"· {action.words}.")
            confirm(invocation, "Do this?" if len(actions) == 1 else f"Do these {len(actions)} things?")
            for action in actions:
                try:
                    _carry_out(invocation, keeper, action)
                    done.append(action)
                except TelekeepError as error:
                    failed.append((action, error))
        left = _examined(invocation, keeper, names, offline=offline)
    _tell(invocation, done, failed, left)
    return exit_code(left)


def _planned(invocation: Invocation, keeper: Keeper, names: tuple[str, ...], tried: list[Action]) -> list[Action]:
    from telekeep.keeper.recover import plan

    return plan(_examined(invocation, keeper, names, offline=True), tried=tried).actions


def _examined(invocation: Invocation, keeper: Keeper, names: tuple[str, ...], *, offline: bool) -> list[Finding]:
    import asyncio

    from telekeep.keeper.diagnose import diagnose
    from telekeep.work.alone import is_free

    unlock_first(keeper)
    with invocation.out.progress("Checking"):
        return asyncio.run(diagnose(keeper, names, offline=offline, runs=lambda: not is_free(keeper.home)))


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


def _tell(
    invocation: Invocation,
    done: list[Action],
    failed: list[tuple[Action, TelekeepError]],
    left: list[Finding],
) -> None:
    from telekeep.health.check import exit_code
    from telekeep.keeper.recover import plan

    by_hand = plan(left, tried=[*done, *(action for action, _ in failed)]).by_hand
    facts: dict[str, Any] = {
        "done": [action.words for action in done],
        "failed": [{"action": action.words, "error": type(error).__name__, "message": error.message,
                    "remedy": error.remedy} for action, error in failed],
        "left": [each.facts() for each in by_hand],
        "exit_code": exit_code(left),
    }  # fmt: skip
    lines = [f"{style('✓', 'good')} {action.words}: done." for action in done]
    for action, error in failed:
        lines += [f"{style('✗', 'bad')} {action.words}: {error.message}", f"  → {error.remedy}"]
    if by_hand:
        lines += ["This needs you:", *page(by_hand)]
    elif not failed:
        lines.append("All is well." if done else "All is well; there was nothing to mend.")
    invocation.out.data(facts, () if invocation.quiet and not (by_hand or failed) else lines)
