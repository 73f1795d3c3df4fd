"""Adopting a file: its real key goes into the vault, and a loan takes its place.

The order is what makes it safe. The session is kept before anything else. The file's original is sealed, and its key
marked as away, before the file is touched: from then on no part of telekeep connects with it. The loan takes the key's
place in one move. Only then the mark is taken back, and the daemon connects: never while a program could still read
the key. Killed anywhere in between, the file holds the original or the loan, and doing it again finishes it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from os import getpid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from telekeep.errors import ConfigError, LoanExpired, SessionCorrupt
from telekeep.gateway.grants import Grant
from telekeep.gateway.loans import OPEN
from telekeep.keeper.adopt import ledger, users
from telekeep.keeper.adopt.adoption import ADOPTED, BEGUN, RETURNED, Adoption, Held
from telekeep.keeper.adopt.copies import copies, holds
from telekeep.keeper.adopt.lending import Lender, daemon_pid, take_or_find_lent, withdraw
from telekeep.keeper.adopt.originals import real_sessions
from telekeep.keeper.adopt.plan import Plan, check_network, look, names, refuse_opened, refuse_users, target
from telekeep.keeper.adopt.swap import check_rights, draft_of, opened
from telekeep.keeper.backup import back_up_first
from telekeep.keeper.transfer import import_session
from telekeep.lease.lease import lease_name
from telekeep.session.model import Session
from telekeep.settings import require_application

if TYPE_CHECKING:
    from telekeep.keeper.adopt.swap import Open
    from telekeep.keeper.keeper import Keeper

OTHER_DCS = (
    "Downloads from other data centers fail until the program knows the gateway's RSA key: `telekeep run NAME -- CMD` "
    "sees to it."
)


_LABEL = 72  # characters


class Terms(NamedTuple):
    """``name``: what to call a session that is new, None to name it after the file · ``grant`` and ``seconds``: of the
    loan · ``sure``: programs that speak with Telegram now do so with other sessions.
    """

    name: str | None = None
    grant: str = "full"
    seconds: float | None = None
    sure: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a file. ``state``: as in `adoption`; ``held``: its sessions; ``notes``: what is to be known."""

    path: Path
    state: str
    kind: str
    held: tuple[Held, ...]
    done: bool = True
    notes: tuple[str, ...] = ()


def adopt(keeper: Keeper, file: Path, terms: Terms = Terms()) -> Outcome:  # noqa: B008  # a frozen value
    """Adopt ``file``: keep every real session in it, and put loans in their places.

    ``done`` of the outcome is False if there was nothing to do. Raises SessionNotFound, UnknownFormat or SessionCorrupt
    for what holds no session that can be adopted; SessionBusy if a program uses it; ConfigError for a name that is
    taken, a file with several names, settings that lack; StorageUnavailable; LoanExpired if the loan in it has ended.
    Nothing has changed then but that the session may be kept.
    """
    str(Grant.parse(terms.grant))
    if terms.seconds is not None and not terms.seconds > 0:
        raise ConfigError("A loan lasts for more than no time.", remedy="Give a lifetime such as 8h, or none.")
    keeper.vault_for_writing()
    path = target(file)
    plan = look(keeper, path)
    known = ledger.at(keeper.vault, str(path))
    if known is not None:
        draft_of(path, known.id).unlink(missing_ok=True)
    if not plan.real:
        return _with_loans_only(keeper, plan, known)
    check_network(keeper, plan)
    check_rights(path)
    refuse_users(keeper, plan, sure=terms.sure, daemon=daemon_pid(keeper))
    named = names(keeper, plan, terms.name)
    _check_application(keeper, plan, named)
    for each in plan.real:
        lease = lease_name(each.session.auth_key.id)
        if lease not in {entry.lease for entry in keeper.vault.entries() if entry.name == named[lease]}:
            import_session(keeper, each.session, name=named[lease])
    back_up_first(keeper, dict.fromkeys(named.values()), step="before adopt")
    notes = [f"{file} is a link: the file it leads to was adopted."] if file.is_symlink() else []
    adoption, more = _exchange(keeper, plan, known, named, terms)
    notes += more
    for copy in copies(path.parent, [each.session.auth_key for each in plan.real], path):
        notes.append(f"{copy} holds the real key too: adopt it as well, or delete it.")
    return Outcome(path, adoption.state, adoption.kind, adoption.held, notes=tuple(notes))


def _with_loans_only(keeper: Keeper, plan: Plan, known: Adoption | None) -> Outcome:
    """The file holds no real key: it was adopted before, or holds a loan that was made for another."""
    now = keeper.clock.wall()
    for _, loan in plan.lent:
        if loan.state(now) != OPEN:
            raise LoanExpired(
                f"{plan.path} holds a loan of {loan.session!r} that has ended ({loan.state(now)}).",
                remedy=f"Put the real key back with `telekeep adopt --undo {plan.path}`, and adopt it again."
                if known
                else f"Give it another: telekeep lend {loan.session} --out {plan.path} --force",
            )
    held = tuple(Held(found.where, loan.session, "", loan.id) for found, loan in plan.lent)
    if known is None or known.state == RETURNED:
        return Outcome(plan.path, ADOPTED, plan.place.kind, held, done=False, notes=("It holds a loan already.",))
    if known.state == ADOPTED:
        return Outcome(plan.path, ADOPTED, known.kind, known.held, done=False)
    finished = known.now(ADOPTED)
    ledger.write(keeper.vault, finished, is_away=False)
    return Outcome(plan.path, ADOPTED, known.kind, known.held, notes=("What was interrupted is finished.",))


def _check_application(keeper: Keeper, plan: Plan, named: dict[str, str]) -> None:
    """Raise ConfigError, before anything is changed, if the daemon could not connect for want of an api id."""
    kept = {entry.name for entry in keeper.vault.entries()}
    for each in plan.real:
        name = named[lease_name(each.session.auth_key.id)]
        session = keeper.vault.load(name) if name in kept else each.session
        if session.application is None:
            require_application(keeper.settings)


def _exchange(
    keeper: Keeper, plan: Plan, known: Adoption | None, named: dict[str, str], terms: Terms
) -> tuple[Adoption, list[str]]:
    """Exchange the real keys for loans, under their leases."""
    fences = {entry.lease: entry.fence for entry in keeper.vault.entries()}
    keys = {lease_name(each.session.auth_key.id): each.session.auth_key for each in plan.real}
    with ExitStack() as stack:
        purpose = f"adoption of {plan.path.name}"
        ours = {
            lease
            for lease, key in keys.items()
            if take_or_find_lent(keeper, key, stack, floor=fences.get(lease, 0), purpose=purpose)
        }
        file = stack.enter_context(opened(plan.path))
        refuse_opened(plan.path, users.with_file_open(file.about, but=(getpid(),)))
        if file.content != plan.content:  # it was read without the lock
            plan = look(keeper, plan.path, file.content)
            if {lease_name(each.session.auth_key.id) for each in plan.real} != set(keys):
                raise SessionCorrupt(f"{plan.path} was changed at this very moment.", remedy="Run the command again.")
        if known is not None:  # loans of an attempt that came to nothing, or of before the key was put back
            there = {loan.id for _, loan in plan.lent}
            withdraw(keeper, replace(known, held=tuple(e for e in known.held if e.loan not in there)), ours)
        return _exchange_in(file, keeper, plan, known, named, ours, terms)


def _exchange_in(
    file: Open,
    keeper: Keeper,
    plan: Plan,
    known: Adoption | None,
    named: dict[str, str],
    ours: set[str],
    terms: Terms,
) -> tuple[Adoption, list[str]]:
    lender = Lender(keeper, grant=terms.grant, seconds=terms.seconds)
    loans: dict[str, Session] = {}
    held = [each for each in (known.held if known else ()) if each.loan in {loan.id for _, loan in plan.lent}]
    for found in plan.real:
        lease = lease_name(found.session.auth_key.id)
        if lease not in loans:
            label = _label(plan.path, found.where if len(named) > 1 else "")
            loan = lender.lend(named[lease], label, ours=lease in ours)
            loans[lease] = lender.written(loan, found.session)
            held.append(Held(found.where, named[lease], lease, loan.id))
    original = _as_it_was(keeper, plan, known)
    content = plan.place.exchanged(
        plan.content, [(each, loans[lease_name(each.session.auth_key.id)]) for each in plan.real]
    )
    for found in plan.real:
        if holds(content, found.session.auth_key):
            raise ConfigError(
                f"The key stands in {plan.path} a second time, where no program would look for it (in a comment?).",
                remedy="Remove it there, and run the command again. Nothing was changed.",
            )
    adoption = Adoption(
        id=Adoption.new_id(),
        path=str(plan.path),
        kind=plan.place.kind,
        state=BEGUN,
        at=keeper.clock.wall(),
        written=sha256(content).hexdigest(),
        held=tuple(held),
    )
    before = (known.id,) if known else ()
    ledger.write(keeper.vault, adoption, original=original, is_away=True, instead_of=before)
    try:
        lender.keep()
        file.replace(content, draft_of(plan.path, adoption.id))
    except BaseException:
        if plan.path.lstat().st_ino == file.about.st_ino:  # else the loan is in its place, and stays in force
            withdraw(keeper, replace(adoption, held=tuple(e for e in held if e.lease in loans)), ours)
            if not before:
                keeper.vault.drop_adoption(adoption.id)
        raise
    if len(loans) == 1:
        file.blind(next(iter(loans.values())))
    adoption = adoption.now(ADOPTED)
    ledger.write(keeper.vault, adoption, is_away=False)
    notes = []
    if file.narrowed:
        notes.append(f"{plan.path} was open to other users; now it is its owner's alone (mode {file.mode:04o}).")
    return adoption, notes


def _as_it_was(keeper: Keeper, plan: Plan, known: Adoption | None) -> bytes:
    """The file before any of it was adopted."""
    if known is None or not plan.lent:
        return plan.content
    real = real_sessions(keeper, known)
    back = {each.loan: real[each.lease] for each in known.held if each.lease in real}
    return plan.place.exchanged(plan.content, [(found, back[loan.id]) for found, loan in plan.lent if loan.id in back])


def _label(path: Path, where: str) -> str:
    """What the loan is called: the file, by the end of its path if that is long, and the place in it."""
    try:
        shown = f"~/{path.relative_to(Path.home())}"
    except (ValueError, RuntimeError):
        shown = str(path)
    shown += f" {where}" if where else ""
    return shown if len(shown) <= _LABEL else f"…{shown[1 - _LABEL :]}"
