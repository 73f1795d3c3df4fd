"""`telekeep demo`: the main job told in ten steps, with real processes and a Telegram on loopback."""

from __future__ import annotations

from telekeep.cli.command import Invocation, command


@command(epilog="Example: telekeep demo")
def demo(invocation: Invocation) -> int:
    """Show what telekeep does, in less than a minute, without a Telegram account.

    Everything happens in a temporary folder and on loopback; your own sessions are not touched. Exit code 0 means that
    every step held.
    """
    from telekeep.cli.demo.show import play

    return play(invocation)
