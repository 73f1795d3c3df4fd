"""The way back: the real key goes into the file again, and the loan ends.

From then on whoever reads the file speaks with the real key, and telekeep cannot know when. So the key is marked as
away before the file is touched; the daemon has let it go by then, and nothing of telekeep connects with it until the
file is adopted again, or forgotten. The record in the vault stays.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from hashlib import sha256
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.errors import ConfigError, SessionNotFound, TelekeepError
from telekeep.gateway.loans import OPEN
from telekeep.keeper.adopt import ledger, users
from telekeep.keeper.adopt.adoption import ADOPTED, RETURNED, RETURNING, Adoption, Held
from telekeep.keeper.adopt.originals import real_sessions, renewed
from telekeep.keeper.adopt.places import Found
from telekeep.keeper.adopt.plan import Plan, look, refuse_opened, target
from telekeep.keeper.adopt.swap import check_rights, draft_of, opened
from telekeep.keeper.adopt.verb import Outcome
from telekeep.keeper.handover import ask
from telekeep.keeper.transfer import take
from telekeep.lease.lease import lease_name
from telekeep.session.model import Session

if TYPE_CHECKING:
    from telekeep.keeper.adopt.swap import Open
    from telekeep.keeper.keeper import Keeper


def undo(keeper: Keeper, file: Path) -> Outcome:
    """Put the real keys back into ``file``, and end its loans.

    Byte for byte as it was if nobody has written to it; else only the sessions are exchanged, and what was written
    since stays. Raises ConfigError if it was never adopted or does not hold its loans any more, SessionBusy if a
    program uses them or has the file open, SessionNotFound if it is gone, StorageUnavailable. Nothing has changed then.
    """
    path = target(file)
    adoption = ledger.at(keeper.vault, str(path))
    if adoption is None:
        raise ConfigError(f"{path} was not adopted.", remedy="`telekeep adopt --list` shows the files that were.")
    draft_of(path, adoption.id).unlink(missing_ok=True)
    plan = look(keeper, path)
    back = _wanted(keeper, plan, adoption)
    if not back and adoption.state == RETURNED:
        return Outcome(path, RETURNED, adoption.kind, adoption.held, done=False)
    check_rights(path)
    refuse_opened(path, users.with_file_open(path.stat()))
    returned, notes = _exchange(keeper, plan, adoption)
    notes += _others(keeper, adoption)
    return Outcome(path, returned.state, returned.kind, returned.held, notes=tuple(notes))


def forget(keeper: Keeper, file: Path) -> Outcome:
    """Forget that ``file`` was adopted, once it holds neither real key nor loan: it was deleted, or another login is in
    it. The keys are telekeep's alone again; what was sealed of the file is deleted, the sessions are kept.

    Raises ConfigError if it was not adopted, or still holds something.
    """
    with suppress(SessionNotFound):
        file = target(file)
    path = Path(file).expanduser().absolute()
    adoption = ledger.at(keeper.vault, str(path))
    if adoption is None:
        raise ConfigError(f"{path} was not adopted.", remedy="`telekeep adopt --list` shows the files that were.")
    if path.exists() and _holds_still(keeper, path, adoption):
        raise ConfigError(
            f"{path} holds a session of telekeep's still; nothing was forgotten.",
            remedy=f"Take its key back with `telekeep adopt {path}`.",
        )
    for each in adoption.held:
        with suppress(TelekeepError):
            ask(keeper, "revoke", loan=each.loan)
    ledger.end(keeper, adoption)
    keeper.vault.drop_adoption(adoption.id)
    return Outcome(path, "forgotten", adoption.kind, adoption.held)


def _holds_still(keeper: Keeper, path: Path, adoption: Adoption) -> bool:
    try:
        plan = look(keeper, path)
    except TelekeepError:  # there is no session in it
        return False
    return bool(plan.lent) or any(lease_name(each.session.auth_key.id) in adoption.leases for each in plan.real)


def _wanted(keeper: Keeper, plan: Plan, adoption: Adoption) -> list[tuple[Found, Held]]:
    """The loans in the file that are to be replaced; none if its real keys are back already. Raises ConfigError."""
    of_loan = {each.loan: each for each in adoption.held}
    back = [(found, of_loan[loan.id]) for found, loan in plan.lent if loan.id in of_loan]
    there = {held.lease for _, held in back} | {lease_name(each.session.auth_key.id) for each in plan.real}
    gone = [each for each in adoption.held if each.lease not in there]
    if gone:
        names = ", ".join(repr(each.name) for each in gone)
        raise ConfigError(
            f"{plan.path} has changed since it was adopted: it holds neither the loan of {names} nor the real key.",
            remedy=f"If another login is in it now, leave it, and run: telekeep adopt --forget {plan.path}",
        )
    return back


def _exchange(keeper: Keeper, plan: Plan, adoption: Adoption) -> tuple[Adoption, list[str]]:
    """Mark the keys as away, have the daemon let them go, write the file, and end the loans."""
    notes: list[str] = []
    real = real_sessions(keeper, adoption)
    held = []
    for each in adoption.held:
        if (newer := renewed(keeper, each.name, each.lease)) is not None:
            notes.append(f"{each.name!r} was logged in anew since: its present key is put back.")
            each = replace(each, lease=lease_name(newer.auth_key.id))
            real[each.lease] = newer
        held.append(each)
    away = adoption.now(RETURNING, held=tuple(held))
    fences = {entry.lease: entry.fence for entry in keeper.vault.entries()}
    inode = plan.path.lstat().st_ino
    ledger.write(keeper.vault, away, is_away=True)
    with ExitStack() as stack:
        try:
            for each in away.held:
                key = real[each.lease].auth_key
                purpose = f"return of {plan.path.name}"
                take(keeper, key.id, stack, floor=fences.get(each.lease, 0), purpose=purpose)
            file = stack.enter_context(opened(plan.path))
            refuse_opened(plan.path, users.with_file_open(file.about, but=(getpid(),)))
            content = _content(keeper, look(keeper, plan.path, file.content), away, real, renewed=bool(notes))
            if content != file.content:
                file.replace(content, draft_of(plan.path, adoption.id))
        except BaseException:
            if plan.path.lstat().st_ino == inode:  # else the keys are back, and away
                ledger.write(keeper.vault, adoption, is_away=adoption.state != ADOPTED)
            raise
        ledger.end(keeper, away)
        away = away.now(RETURNED)
        ledger.write(keeper.vault, away, is_away=True)
        notes += _told(file, content, keeper.vault.original(adoption.id))
    return away, notes


def _content(keeper: Keeper, plan: Plan, adoption: Adoption, real: dict[str, Session], *, renewed: bool) -> bytes:
    """The file with its real keys: the original if nobody has written to it since."""
    back = _wanted(keeper, plan, adoption)
    if not back:
        return plan.content
    original = keeper.vault.original(adoption.id)
    untouched = sha256(plan.content).hexdigest() == adoption.written
    if original is not None and untouched and not renewed:
        return original
    return plan.place.exchanged(plan.content, [(found, real[held.lease]) for found, held in back])


def _told(file: Open, content: bytes, original: bytes | None) -> list[str]:
    if content in (original, file.content):
        return []
    return ["What programs have written into it since it was adopted stays; only the login was put back."]


def _others(keeper: Keeper, adoption: Adoption) -> list[str]:
    """Other loans of the same sessions, which nobody serves now."""
    now = keeper.clock.wall()
    names = {each.name for each in adoption.held}
    notes = []
    for loan in ledger.loans(keeper).values():
        if loan.session in names and loan.state(now) == OPEN and loan.lasting:
            label = f" ({loan.label})" if loan.label else ""
            notes.append(f"The loan {loan.id}{label} of {loan.session!r} is not served while its key is away.")
    return notes
