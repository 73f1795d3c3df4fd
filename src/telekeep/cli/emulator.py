"""``telekeep emulator``: a Telegram of your own on loopback, and what is told to one that runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from telekeep.cli.command import Invocation, Usage, group
from telekeep.errors import ConfigError

KINDS = (
    "flood", "premium-flood", "slowmode", "takeout",
    "revoke", "unregister", "expire", "ban", "duplicated", "forget",
    "error", "migrate", "drop-before", "drop-after", "delay", "close", "bad-salt",
)  # fmt: skip


@group(epilog="Example: telekeep emulator serve --network-file telegram.toml")
def emulator() -> None:
    """A Telegram of your own on loopback, to test programs on: no account, no internet, nothing that can break.

    It ends sessions exactly as Telegram documents. Phone numbers are 99966XYYYY, their login code XXXXX. `serve` runs
    one, `stop` ends it; the others tell it what to do.
    """


def _network_file(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--network-file", metavar="FILE", help="The emulator's network file (default: the network in force)."
    )(function)


@emulator.command(epilog="Example: telekeep emulator serve --network-file telegram.toml")
@click.option("--network-file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="Made when ready.")
def serve(invocation: Invocation, network_file: Path) -> None:
    """Run an emulator in the foreground until Ctrl-C or `telekeep emulator stop`. `ready FILE` says that it listens."""
    import asyncio

    from telekeep.clock import system_clock
    from telekeep.emulator.serve import serve as run

    def ready(file: Path) -> None:
        invocation.out.data({"ready": str(file)}, [f"ready {file}"])

    asyncio.run(run(network_file, ready=ready, clock=system_clock(test_allowed=True)))


@emulator.command(epilog="Example: telekeep emulator account --phone 9996621234 --password pretend --messages 12")
@_network_file
@click.option("--phone", metavar="PHONE", required=True, help="99966XYYYY: data center X, login code XXXXX.")
@click.option("--password", metavar="PASSWORD", help="A pretend two-step verification password.")
@click.option("--messages", type=click.IntRange(min=0), default=0, help="How many its dialogs hold, all in all (0).")
def account(invocation: Invocation, network_file: str | None, **details: Any) -> None:
    """Make a pretend account."""
    made = _ask(invocation, network_file, "account", **details)
    invocation.out.data(made, () if invocation.quiet else [f"Account {made['id']} with the number {made['phone']}."])


@emulator.command(
    epilog="Examples: telekeep emulator channel --title News --username the_news --messages 100000\n"
    "          telekeep emulator channel --title Club --group --member 9996621234 --slow-mode 10"
)
@_network_file
@click.option("--title", metavar="TITLE", required=True, help="What it is called.")
@click.option(
    "--username", metavar="NAME", help="Its public name (default: it is private, and has an invite link only)."
)
@click.option("--messages", type=click.IntRange(min=0), default=0, help="How many it holds already (0).")
@click.option(
    "--member",
    "members",
    metavar="PHONE",
    multiple=True,
    help="The phone number of an account that is in it; repeatable.",
)
@click.option("--group", is_flag=True, help="A supergroup, in which everybody writes (default: a broadcast channel).")
@click.option("--slow-mode", type=click.IntRange(min=0), default=0, help="Seconds between a member's messages (0).")
def channel(invocation: Invocation, network_file: str | None, **details: Any) -> None:
    """Make a pretend channel or supergroup. Write in it with `send --to @USERNAME`."""
    made = _ask(invocation, network_file, "channel", **details)
    named = f"@{made['username']}" if made["username"] else made["invite"]
    kind = "Supergroup" if details["group"] else "Channel"
    invocation.out.data(made, () if invocation.quiet else [f"{kind} {made['id']} {named}."])


@emulator.command(
    epilog="Examples: telekeep emulator fault flood --seconds 79200 --method auth.sendCode\n"
    "          telekeep emulator fault revoke --phone 9996621234"
)
@_network_file
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.option("--phone", metavar="PHONE", help="Only for this account (default: for every one).")
@click.option("--method", metavar="METHOD", help="Only for this TL method, as users.getUsers.")
@click.option("--seconds", type=click.FloatRange(min=0), help="How long a wait or delay is; fractions allowed (30).")
@click.option("--times", type=click.IntRange(min=1), default=1, help="How many requests it spoils (1).")
def fault(invocation: Invocation, network_file: str | None, kind: str, **details: Any) -> None:
    """Make something go wrong.

    KIND is flood, premium-flood, slowmode or takeout (a wait); revoke, unregister, expire, ban, duplicated or forget
    (the login ends); error, migrate, drop-before, drop-after, delay, close or bad-salt.
    """
    _ask(invocation, network_file, "fault", kind=kind, **details)
    phone, method = details["phone"], details["method"]
    whom = f"for {phone}" if phone else "for every account"
    told = {"fault": kind, "phone": phone, "method": method}
    about = f" ({method})" if method else ""
    invocation.out.data(told, () if invocation.quiet else [f"The fault {kind} is set {whom}{about}."])


@emulator.command(
    epilog="Examples: telekeep emulator send --to 9996621234 --text hello --count 3\n"
    "          telekeep emulator send --to @the_news --text hello\n"
    "          telekeep emulator send --to 9996621234 --file picture.png --dc 4"
)
@_network_file
@click.option("--to", metavar="WHERE", required=True, help="The account's phone number, or a channel's @username.")
@click.option("--text", metavar="WORDS", default="", help="What it says.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file that it carries.")
@click.option("--dc", type=click.IntRange(1, 5), help="The data center where the file lies (the home one).")
@click.option("--count", type=click.IntRange(min=1), default=1, help="How many times (1).")
def send(invocation: Invocation, network_file: str | None, file: Path | None, dc: int | None, **details: Any) -> None:
    """Send a message to an account, or into a channel."""
    if file is not None and details["to"].startswith("@"):
        raise Usage("A file is sent to an account only.", remedy="Name a phone number, or leave --file away.")
    if file is None and not details["text"]:
        raise Usage("A message says something or carries a file.", remedy="Add --text, --file or both.")
    if file is None and dc is not None:
        raise Usage("Only a file lies in a data center.", remedy="Leave --dc away, or add --file.")
    if file is not None:
        details |= {"file": str(file.resolve()), "dc": dc}
    _ask(invocation, network_file, "send", **details)
    invocation.out.data({"sent": details["count"]}, () if invocation.quiet else [f"Sent {details['count']}."])


@emulator.command(epilog="Example: telekeep emulator advance --seconds 86400")
@_network_file
@click.option("--seconds", type=click.FloatRange(min=0), required=True, help="How far; fractions allowed.")
def advance(invocation: Invocation, network_file: str | None, seconds: float) -> None:
    """Move the emulator's clock forward."""
    found = _ask(invocation, network_file, "advance", seconds=seconds)
    invocation.out.data(found, () if invocation.quiet else [f"The clock was moved by {seconds:g} s."])


@emulator.command(epilog="Example: telekeep emulator stats --json")
@_network_file
def stats(invocation: Invocation, network_file: str | None) -> None:
    """Show what the emulator counted: calls, handshakes, logins, and keys it saw on two connections at once."""
    found = _ask(invocation, network_file, "stats")
    width = max(map(len, found))
    invocation.out.data(found, [f"{name.ljust(width)}  {count}" for name, count in found.items()])


@emulator.command(epilog="Example: telekeep emulator stop")
@_network_file
def stop(invocation: Invocation, network_file: str | None) -> None:
    """End an emulator that runs."""
    _ask(invocation, network_file, "stop")
    invocation.out.data({"stopped": True}, () if invocation.quiet else ["The emulator stops."])


def _ask(invocation: Invocation, network_file: str | None, verb: str, **fields: Any) -> Any:
    from telekeep.control import ask
    from telekeep.session.network import load

    named = network_file or invocation.network
    if named is None:
        raise Usage("Which emulator?", remedy="Add --network-file FILE, or set TELEKEEP_NETWORK.")
    network = load(named)
    if network.control is None:
        raise ConfigError(
            f"The network {network.name!r} is no emulator: it has no control socket.",
            remedy="Name the file that `telekeep emulator serve` made.",
        )
    try:
        return ask(network.control, verb, network_file=named, **fields)
    except ConfigError as error:  # the emulator says what is wrong with what it was told
        error.remedy = error.remedy or f"See `telekeep emulator {verb} --help`."
        raise
