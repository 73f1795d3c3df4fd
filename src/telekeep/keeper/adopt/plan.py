"""What there is to do about a file: which sessions and loans it holds, what they are to be called, and who uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionBusy, SessionNotFound
from telekeep.gateway.loans import Loan
from telekeep.keeper.adopt import ledger, users
from telekeep.keeper.adopt.copies import traces
from telekeep.keeper.adopt.places import Found, Place, search
from telekeep.keeper.transfer import misplaced
from telekeep.lease.lease import lease_name
from telekeep.session import formats
from telekeep.session.formats import image
from telekeep.session.network import Address
from telekeep.vault.record import REMOVED, check_name

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper

_STRANGE = re.compile(r"[^A-Za-z0-9_@+.-]+")
_LONGEST = 64  # of a name


@dataclass(frozen=True)
class Plan:
    """``path``: the file itself, whatever link led to it · ``real``: the sessions in it that are no loans · ``lent``:
    the loans of this home in it.
    """

    path: Path
    content: bytes
    place: Place
    real: tuple[Found, ...]
    lent: tuple[tuple[Found, Loan], ...]

    @property
    def is_database(self) -> bool:
        return image.is_database(self.content)


def target(file: Path) -> Path:
    """The file that ``file`` is, links followed: in the place of a link, a loan would leave the key where it was.

    Raises SessionNotFound.
    """
    try:
        return file.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise SessionNotFound(f"There is no file {file}.", remedy="Check the path.") from None


def look(keeper: Keeper, path: Path, content: bytes | None = None) -> Plan:
    """What is in the file at ``path``, with this ``content`` if it was read. Changes nothing.

    Raises what `read_file` and `search` do.
    """
    content = formats.read_file(path) if content is None else content
    place, found = search(content, keeper.network)
    loans = ledger.loans(keeper)
    real, lent = [], []
    for each in found:
        loan = loans.get(each.session.auth_key.id)
        if loan is None:
            real.append(each)
        else:
            lent.append((each, loan))
    return Plan(path, content, place, tuple(real), tuple(lent))


def check_network(keeper: Keeper, plan: Plan) -> None:
    """Raise ConfigError if a session of it belongs to another network."""
    for each in plan.real:
        if reason := misplaced(each.session, keeper.network):
            raise ConfigError(reason, remedy="Name the network it belongs to with --network NAME|FILE.")


def refuse_users(keeper: Keeper, plan: Plan, *, sure: bool, daemon: int | None) -> None:
    """Raise SessionBusy if a program uses the file. ``sure``: whoever speaks with Telegram now does so for others."""
    _refuse(plan.path, users.with_file_open(plan.path.stat()), "has it open")
    keys = [each.session.auth_key for each in plan.real]
    spelt = [trace for key in keys for trace in traces(key)]
    _refuse(plan.path, users.started_with(spelt), "was started with what is in it")
    if plan.is_database or sure:
        return
    own = {holder.pid for each in keeper.vault.entries() if (holder := keeper.leases.holder(each.lease))}
    homes = [Address(each.session.dc.id, each.session.dc.host, each.session.dc.port) for each in plan.real]
    speakers = users.connected_to([*homes, *keeper.network.addresses], but=own | {daemon or 0})
    if speakers:
        raise SessionBusy(
            f"A program on this machine speaks with Telegram, and may have read its session from {plan.path}: "
            f"{', '.join(speakers)}.",
            remedy="Stop it first, or add --yes if it uses another session. Nothing was changed.",
        )


def refuse_opened(path: Path, found: list[str]) -> None:
    """Raise SessionBusy if processes were ``found`` that have the file open."""
    _refuse(path, found, "has it open")


def _refuse(path: Path, found: list[str], why: str) -> None:
    if found:
        raise SessionBusy(
            f"{path} is in use: {found[0]} {why}{f', and {len(found) - 1} more' if len(found) > 1 else ''}.",
            remedy="Stop that program, run the command again, and start the program after it. Nothing was changed.",
        )


# ---- names


def names(keeper: Keeper, plan: Plan, given: str | None) -> dict[str, str]:
    """What the real sessions are called, by lease: as they are kept, else as ``given``, else after the file.

    Several new ones get the name of their place added. Raises ConfigError if no name is to be had, or if it is
    another session's.
    """
    entries = [each for each in keeper.vault.entries() if each.state != REMOVED]
    kept = {each.lease: each.name for each in entries}
    chosen: dict[str, str] = {}
    new: dict[str, str] = {}
    for each in plan.real:
        lease = lease_name(each.session.auth_key.id)
        if lease in kept:
            chosen[lease] = kept[lease]
        else:
            new.setdefault(lease, each.where)
    taken = {each.name for each in entries}
    for lease, where in new.items():
        base = given or _suggested(plan)
        name = check_name(base if len(new) == 1 else _tidy(f"{base}-{where}"))
        if name in taken:
            raise ConfigError(
                f"A session called {name!r} is kept already, and it is another login than the one in {plan.path}.",
                remedy=f"Choose another name: telekeep adopt {plan.path} --as NAME",
            )
        taken.add(name)
        chosen[lease] = name
    return chosen


def _suggested(plan: Plan) -> str:
    path = plan.path
    for candidate in (path.stem, path.parent.name):
        name = _tidy(candidate)
        if name and not candidate.startswith("."):
            return name
    raise ConfigError(f"What shall the session in {path} be called?", remedy="Add --as NAME.")


def _tidy(text: str) -> str:
    return _STRANGE.sub("_", text.strip()).lstrip(".-")[:_LONGEST]
