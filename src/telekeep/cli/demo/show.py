"""Plays the acts, shows what is going on, and ends with a table."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.table import Table

from telekeep.cli.command import Invocation
from telekeep.cli.demo.acts import Broken, acts
from telekeep.cli.demo.stage import Stage

_PLAIN_WIDTH = 110  # columns where there is no terminal to ask


def play(invocation: Invocation) -> int:
    """Play the whole demo on a stage of its own. Returns the exit code: 0 only if every step held."""
    told = not (invocation.json or invocation.quiet)
    console = Console(highlight=False, quiet=not told, width=None if sys.stdout.isatty() else _PLAIN_WIDTH)
    console.print(
        "[bold]telekeep[/bold]: one key, one process, and everybody else is told. Nothing leaves this machine.\n"
    )
    steps = []
    with Stage() as stage:
        for number, act in enumerate(acts(stage), 1):
            began = time.monotonic()
            console.print(f"{number:2}. [bold]{act.claim}[/bold]\n    [dim]{act.about}[/dim]", soft_wrap=True)
            with console.status("…"):
                try:
                    seen, held = act.play(), True
                except Broken as failure:
                    seen, held = str(failure), False
            steps.append({"step": act.claim, "held": held, "seen": seen, "seconds": round(time.monotonic() - began, 1)})
            console.print(f"    {_mark(held)} {seen}\n", soft_wrap=True)
            if not held:
                break
    every = all(step["held"] for step in steps)
    table = Table("step", "", "s", title="The whole story", title_justify="left")
    for step in steps:
        table.add_row(
            str(step["step"]),
            _mark(bool(step["held"])) + (" held" if step["held"] else " broken"),
            str(step["seconds"]),
        )
    console.print(table)
    console.print("[green]Every step held.[/green]" if every else "[red]A step did not hold.[/red]")
    if not told:
        invocation.out.data({"held": every, "steps": steps})
    return 0 if every else 1


def _mark(held: bool) -> str:
    return "[green]✓[/green]" if held else "[red]✗[/red]"
