"""``telekeep diagnostics``: every check, with what it found and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, command
from telekeep.cli.output import style, wrapped
from telekeep.cli.passphrase import unlock_first

if TYPE_CHECKING:
    from telekeep.health.check import Finding
    from telekeep.keeper.keeper import Keeper

_MARKS = {"OK": ("✓", "good"), "NOTE": ("·", "dim"), "WARNING": ("!", "warn"), "ERROR": ("✗", "bad")}


@command(
    epilog="Examples: telekeep diagnostics\n          telekeep diagnostics main --json\n"
    "          telekeep diagnostics --offline"
)
@click.argument("names", metavar="[NAME]…", type=NAME, nargs=-1)
@click.option("--offline", is_flag=True, help="Connect to nothing: no data center, no login is asked about.")
@click.option("--programs", is_flag=True, help="How fully each release of other libraries is served, too.")
def diagnostics(invocation: Invocation, names: tuple[str, ...], offline: bool, programs: bool) -> int:
    """Check settings, permissions, clock, vault, leases, daemon, network and every login, and say what to do.

    Nobody is asked for a code. With --quiet only what needs a look. Exit code: 0 all is well, 8 warnings, else that of
    the first error: 1 needs a login, 4 rate limited, 5 network, 6 settings, 7 unreadable. `telekeep recover` mends what
    can be mended without you.
    """
    import asyncio

    from telekeep.health.check import Severity, exit_code
    from telekeep.keeper.diagnose import diagnose
    from telekeep.work.alone import is_free

    with invocation.keeper() as keeper:
        unlock_first(keeper)
        with invocation.out.progress("Checking"):
            found = asyncio.run(
                diagnose(
                    keeper,
                    names,
                    offline=offline,
                    programs=programs,
                    patience=patience_of(keeper),
                    runs=lambda: not is_free(keeper.home),
                )
            )
    code = exit_code(found)
    shown = [each for each in found if each.severity > Severity.NOTE] if invocation.quiet else found
    invocation.out.data({"findings": [each.facts() for each in found], "exit_code": code}, page(shown))
    return code


def patience_of(keeper: Keeper) -> float:
    """Seconds of a flood that are waited out; none if the settings contradict themselves, which is a finding."""
    from telekeep.errors import ConfigError

    try:
        return keeper.patience
    except ConfigError:
        return 0.0


def page(findings: Sequence[Finding]) -> Iterable[str]:
    """The findings, grouped by check, each problem with its remedy."""
    import sys

    for check, group in groupby(findings, key=lambda finding: finding.check):
        yield style(check, "bold")
        for each in group:
            mark, colour = _MARKS[each.severity.name]
            first, *more = wrapped([f"{mark} {each.words}"], sys.stdout)
            yield f"  {style(first, colour) if each.severity.value > 1 else first}"
            yield from (f"  {line}" for line in more)
            if each.remedy is not None:
                yield from (f"    {line}" for line in wrapped([f"→ {each.remedy}"], sys.stdout))
