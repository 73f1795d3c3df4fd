"""``telekeep loans``: which loans there are, who uses them, and their end."""

from __future__ import annotations

import time
from typing import Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.command import Invocation, group
from telekeep.cli.output import moment, since
from telekeep.cli.shelf import is_of_use, table

_EXAMPLES = "Examples: telekeep loans list main\n          telekeep loans revoke 3f9c2a11"


@group(epilog=_EXAMPLES)
def loans() -> None:
    """Show the loans of kept sessions and the programs that use them, or end one."""


@loans.command("list", epilog="Examples: telekeep loans list\n          telekeep loans list main --json")
@click.argument("name", type=NAME, required=False)
@click.option("--all", "everything", is_flag=True, help="Those that have ended too, and what programs left behind.")
def list_(invocation: Invocation, name: str | None, everything: bool) -> None:
    """Show the open loans of one session, or of all: what each may do, until when, and who uses it now."""
    found = [each for each in invocation.ask_daemon("loans", name=name) if everything or is_of_use(each)]
    if invocation.json:
        invocation.out.data({"loans": found})
        return
    if not found:
        invocation.out.words("There are no open loans.", "→ Make one: telekeep lend NAME")
        return
    rows = [("ID", "SESSION", "LABEL", "GRANT", "STATE", "UNTIL", "USED BY")]
    invocation.out.data({}, table([*rows, *map(_row, found)]))


@loans.command(epilog="Example: telekeep loans revoke 3f9c2a11")
@click.argument("loan")
def revoke(invocation: Invocation, loan: str) -> None:
    """End a loan, named by its id or its label. Programs that use it are cut off and told why; nobody else is."""
    ended = invocation.ask_daemon("revoke", loan=loan)
    invocation.out.data(ended, [] if invocation.quiet else [f"Loan {ended['id']} of {ended['session']} has ended."])


@loans.command(epilog="Example: telekeep loans key main > gateway.pem")
@click.argument("name", type=NAME)
def key(invocation: Invocation, name: str) -> None:
    """Print the public RSA key of a session's gateway, for clients that shake hands with it.

    Stock clients do so when they download from another data center. In Python:
    telethon.crypto.rsa.add_key(PEM, old=False). It is no secret.
    """
    pem = invocation.ask_daemon("server_key", name=name)
    invocation.out.data({"name": name, "pem": pem}, pem.strip().splitlines())


def _row(loan: dict[str, Any]) -> tuple[str, ...]:
    until = moment(loan["expires_at"]) if loan["expires_at"] else "-" if loan["lasting"] else "its program ends"
    return (
        loan["id"],
        loan["session"],
        loan["label"] or "-",
        loan["grant"],
        loan["state"],
        until,
        used_by(loan["borrowers"]),
    )


def used_by(borrowers: list[dict[str, Any]]) -> str:
    """Who uses a loan now, in words."""
    if not borrowers:
        return "nobody"
    return "; ".join(dict.fromkeys(map(_told, borrowers)))


def _told(borrower: dict[str, Any]) -> str:
    who = f"pid {borrower['pid']} {borrower['command']}" if borrower["pid"] else borrower["application"] or "a program"
    behind = f", {borrower['lag']} updates behind" if borrower["lag"] else ""
    return f"{who} ({borrower['calls']} calls in {since(time.time() - borrower['since'])}{behind})"
