"""From the vault into an archive: every record is opened once, and what does not open is left out by name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import ConfigError, SessionCorrupt, SessionNotFound, TelegramSessionError, VaultRolledBack
from telekeep.vault.archive.contents import Belonging, Contents, Copy
from telekeep.vault.highwater import Position, is_older
from telekeep.vault.record import KEPT, REMOVED, Generation
from telekeep.vault.seal import new_key
from telekeep.vault.standing import in_force, older
from telekeep.vault.stores.belongings import KINDS, LOAN, RENEWAL
from telekeep.vault.stores.copies import Lagged

if TYPE_CHECKING:
    from telekeep.vault.highwater import Marks
    from telekeep.vault.stores.lagging import Lagging
    from telekeep.vault.stores.sessions import Sealed
    from telekeep.vault.unsealed import Unsealed


class Collected(NamedTuple):
    """``left_out``: why records could not be read, by name."""

    sessions: tuple[Generation, ...]
    contents: Contents
    left_out: dict[str, TelegramSessionError]


def collect(
    unsealed: Unsealed, lagging: Lagging, marks: Marks, names: Collection[str] | None, *, as_it_is: bool
) -> Collected:
    """The sessions ``names``, or all with what belongs to the vault, in one view.

    ``as_it_is``: records that are older than their marks too: they are what lies there. Raises SessionNotFound for a
    name that nothing is kept under.
    """
    left_out: dict[str, TelegramSessionError] = {}
    found: list[tuple[Generation, bytes]] = []
    standing = (
        _all(unsealed, marks, left_out, as_it_is)
        if names is None
        else _some(unsealed, marks, names, left_out, as_it_is)
    )
    for sealed, fence in standing:
        header = sealed.header
        try:
            last = _last_kept(unsealed, sealed)
            if last is not None:
                payload = unsealed.open(last)
                if last is not sealed or fence > header.fence:
                    newest = max(fence, header.fence, last.header.fence)
                    header = last.header._replace(state=header.state, fence=newest)
                found.append((header, payload))
        except SessionCorrupt as error:
            left_out[header.name] = error
    leases = {header.lease for header, _ in found}
    seal = unsealed.lagging_seal()
    lagged = lagging.copies(leases) if seal is not None else {}
    key = seal.key if seal is not None else new_key()
    nothing = Lagged()
    copies = tuple(Copy(payload, *lagged.get(header.lease, nothing)) for header, payload in found)
    belongings = tuple(_belongings(unsealed, left_out)) if names is None else ()
    dead = tuple((lease, row) for lease, row in unsealed.rows.quarantine.all().items() if lease in leases)
    return Collected(tuple(header for header, _ in found), Contents(copies, key, belongings, dead), left_out)


def _some(
    unsealed: Unsealed, marks: Marks, names: Collection[str], left_out: dict[str, TelegramSessionError], as_it_is: bool
) -> Iterator[tuple[Sealed, int]]:
    """Generations in force, those of removed sessions too, each with the newest fence of its key."""
    rows = unsealed.rows
    for name in dict.fromkeys(names):
        try:
            sealed: Sealed | None = in_force(rows, marks, name)
        except SessionNotFound:
            raise
        except TelegramSessionError as error:
            sealed = _lying(unsealed, name) if as_it_is and isinstance(error, VaultRolledBack) else None
            if sealed is None:
                left_out[name] = error
        if sealed is not None:
            yield sealed, rows.fence(sealed.header.lease)


def _all(
    unsealed: Unsealed, marks: Marks, left_out: dict[str, TelegramSessionError], as_it_is: bool
) -> Iterator[tuple[Sealed, int]]:
    """The same, of every record; those that only their marks remember are left out too."""
    known = marks.all()
    for name, sealed, fence in unsealed.rows.standing():
        mark = known.pop(name, None)
        if sealed is not None:
            header = sealed.header
            newest = max(fence or 0, header.fence)
            if as_it_is or mark is None or not is_older(Position(header.generation, header.lease, newest), mark):
                yield sealed, newest
                continue
        left_out[name] = _why(unsealed, marks, name)
    for name in known:
        left_out[name] = _why(unsealed, marks, name)


def _lying(unsealed: Unsealed, name: str) -> Sealed | None:
    try:
        return unsealed.rows.generation(name, unsealed.rows.newest(name))
    except SessionCorrupt:
        return None


def _why(unsealed: Unsealed, marks: Marks, name: str) -> TelegramSessionError:
    try:
        in_force(unsealed.rows, marks, name)
    except TelegramSessionError as error:
        return error
    except ConfigError:  # no session is called so: its name is damaged
        pass
    return SessionCorrupt(f"The session {name!r} cannot be read.")


def _last_kept(unsealed: Unsealed, sealed: Sealed) -> Sealed | None:
    """The generation that holds the session: of one that was removed, the last before that."""
    if sealed.header.state != REMOVED:
        return sealed
    history = unsealed.rows.history(sealed.header.name)
    last = next((each.generation for each in history if each.state == KEPT), None)
    return None if last is None else older(unsealed.rows, sealed.header.name, last)


def _belongings(unsealed: Unsealed, left_out: dict[str, TelegramSessionError]) -> Iterator[Belonging]:
    for row in unsealed.rows.belongings.every():
        if row.kind not in KINDS or row.kind == RENEWAL:  # a plan of back then must not be finished later
            continue
        try:
            yield Belonging(row.kind, row.name, row.id, unsealed.open_belonging(row))
        except SessionCorrupt:
            if row.kind != LOAN:
                left_out.setdefault(row.name or row.id, SessionCorrupt(f"What belongs to {row.name!r} is damaged."))
