"""``telekeep devices``: who is logged in to an account, and the end of those that should not be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.arguments import NAME
from telekeep.cli.ask import confirm
from telekeep.cli.command import Group, Invocation, Usage, group
from telekeep.cli.device_table import facts, login, number, page, told
from telekeep.cli.shelf import counted

if TYPE_CHECKING:
    from telekeep.keeper.devices import Listing
    from telekeep.upstream.devices import Device

_EXAMPLES = (
    "Examples: telekeep devices main\n"
    "          telekeep devices revoke main 3f9c2a11\n"
    "          telekeep devices lockdown main\n"
    "          telekeep devices ttl main 180\n"
    "          telekeep devices seen main"
)
RULE = (
    "Telegram lets a login end others, or set their lifetime, only when it is older than 24 hours "
    "(FRESH_RESET_AUTHORISATION_FORBIDDEN)."
)


class _ByName(Group):
    """``devices NAME`` is ``devices list NAME``."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if not args[0].startswith("-") and args[0] not in self.commands:
            args = ["list", *args]
        return super().resolve_command(ctx, args)


@group(cls=_ByName, epilog=_EXAMPLES, subcommand_metavar="[COMMAND] NAME …")
def devices() -> None:
    """Show who is logged in to the account of a session, end logins, and set their lifetime.

    `devices NAME` lists them. The first look is the baseline: whoever is logged in then is taken for known.
    """


@devices.command("list", epilog="Examples: telekeep devices main\n          telekeep devices list main --json")
@click.argument("name", type=NAME)
def list_(invocation: Invocation, name: str) -> None:
    """Show who is logged in: ours are marked, with what is known of each; alarms are told until `devices seen`."""
    import asyncio

    from telekeep.keeper.devices import listing

    with invocation.keeper() as keeper, invocation.out.progress("Asking Telegram"):
        found = asyncio.run(listing(keeper, name))
        now = keeper.clock.wall()
    if invocation.json:
        invocation.out.data(facts(found))
        return
    invocation.out.data({}, page(found, now))


@devices.command(
    epilog="Examples: telekeep devices revoke main 3f9c2a11\n          telekeep devices revoke main laptop"
)
@click.argument("name", type=NAME)
@click.argument("which")
@click.option("--if-there", is_flag=True, help="Be content if it has ended already: for jobs.")
def revoke(invocation: Invocation, name: str, which: str, if_there: bool) -> None:
    """End one login: WHICH is its id, as `devices NAME` shows it.

    A session that is kept here ends only if it is called by its name. Telegram allows this 24 hours after a login.
    """
    import asyncio

    from telekeep.keeper.devices import end, listing

    with invocation.keeper() as keeper:
        with invocation.out.progress("Asking Telegram"):
            found = asyncio.run(listing(keeper, name))
            now = keeper.clock.wall()
        if if_there and not _fitting(found, which):
            words = f"No login of this account fits {which!r} any more: nothing is to be done."
            invocation.out.data({"ended": []}, () if invocation.quiet else [words])
            return
        device = _chosen(found, which)
        ours = found.ours(device)
        lines = [f"  {told(device, now)}"]
        if ours is not None:
            lines.append(f"This is {ours.name}, which is kept here: whatever uses it will have to log in again.")
        question = f"End the login of {ours.name}, which is ours?" if ours else "End this login?"
        confirm(invocation, question, *lines)
        with invocation.out.progress("Ending it"):
            asyncio.run(end(keeper, name, device.hash))
    ended = {"ended": [login(found, device)]}
    invocation.out.data(ended, () if invocation.quiet else [f"Ended: {told(device, now)}."])


@devices.command(epilog="Example: telekeep devices lockdown main")
@click.argument("name", type=NAME)
def lockdown(invocation: Invocation, name: str) -> None:
    """End all logins but ours: every session of this account that is kept here stays.

    Your phone and other apps are logged out too. Telegram allows this 24 hours after the login of NAME, and says so
    otherwise; any other session of the account that is older may do it.
    """
    import asyncio

    from telekeep.keeper.devices import lock_down, plan_lockdown

    with invocation.keeper() as keeper:
        with invocation.out.progress("Asking Telegram"):
            plan = asyncio.run(plan_lockdown(keeper, name))
            now = keeper.clock.wall()
        spared = sorted({name, *plan.spares.values()})
        if not plan.ends:
            none = {"ended": [], "spared": spared}
            invocation.out.data(none, () if invocation.quiet else ["Nobody else is logged in."])
            return
        lines = [f"  {told(each, now)}" for each in plan.ends]
        these = f"these {len(plan.ends)} logins" if len(plan.ends) > 1 else "this login"
        confirm(invocation, f"End {these}, phones among them, and spare {', '.join(spared)}?", *lines)
        with invocation.out.progress("Ending them"):
            ended = asyncio.run(lock_down(keeper, name, plan.spares))
    found = {"ended": [login(plan.listing, each) for each in ended], "spared": spared}
    words = [f"Ended: {told(each, now)}." for each in ended] + [f"Spared: {', '.join(spared)}."]
    invocation.out.data(found, () if invocation.quiet else words)


@devices.command(epilog="Examples: telekeep devices ttl main\n          telekeep devices ttl main 180")
@click.argument("name", type=NAME)
@click.argument("days", type=click.IntRange(1, 366), required=False)
def ttl(invocation: Invocation, name: str, days: int | None) -> None:
    """Show, or set, after how many DAYS without use Telegram ends a login of this account, 1 to 366.

    It counts for all logins, phones too. Telegram allows setting it 24 hours after the login of NAME.
    """
    import asyncio

    from telekeep.keeper.devices import listing, set_ttl

    with invocation.keeper() as keeper, invocation.out.progress("Asking Telegram"):
        if days is None:
            in_force = asyncio.run(listing(keeper, name)).found.ttl_days
        else:
            in_force = asyncio.run(set_ttl(keeper, name, days))
    words = (
        f"Telegram ends a login of this account after {counted(in_force, 'day')} without use."
        if in_force
        else "Telegram does not say after how many days without use it ends a login."
    )
    invocation.out.data({"name": name, "ttl_days": in_force}, [words])


@devices.command(epilog="Example: telekeep devices seen main")
@click.argument("name", type=NAME)
def seen(invocation: Invocation, name: str) -> None:
    """Say that you have looked at the alarms of this account: they end, and the logins they tell of count as known.

    Nothing is sent to Telegram.
    """
    from telekeep.keeper.watching import acknowledge

    with invocation.keeper() as keeper:
        keeper.vault.entry(name)
        over = acknowledge(keeper, name)
    lines = [f"Seen: {each.words}" for each in over] or ["There was no alarm."]
    found = {"name": name, "seen": [each.facts() for each in over]}
    invocation.out.data(found, () if invocation.quiet else lines)


def _chosen(found: Listing, which: str) -> Device:
    """The login that is meant. Raises Usage for none, several, our own, and one of ours that is not called by name."""
    if which == found.name or which.lower() == "this":
        raise Usage(
            f"{which} is the login that would have to ask, and Telegram lets none end itself so.",
            remedy="End it in any Telegram app under Settings › Devices, or with another session of this account.",
        )
    fits = _fitting(found, which)
    if len(fits) != 1:
        many = f"{len(fits)} logins fit {which!r}" if fits else f"No login of this account fits {which!r}"
        raise Usage(f"{many}.", remedy=f"`telekeep devices {found.name}` shows their ids.")
    ours = found.ours(fits[0])
    if ours is not None and ours.name != which:
        raise Usage(
            f"That is {ours.name}, a session that is kept here.",
            remedy=f"If you mean it: `telekeep devices revoke {found.name} {ours.name}`.",
        )
    return fits[0]


def _fitting(found: Listing, which: str) -> list[Device]:
    """The logins that are called so: by the name of a session of ours, else by the beginning of their id."""
    others = found.found.others
    named = [each for each in others if (ours := found.ours(each)) is not None and ours.name == which]
    return named or [each for each in others if len(which) >= 4 and number(each).startswith(which.lower())]
