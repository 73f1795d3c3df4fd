"""The circuit: a key that Telegram has declared dead is set aside at once, on disk, and nobody calls with it again.

A 401 seen once is checked again over a connection of its own before the verdict; a 406 AUTH_KEY_DUPLICATED is not:
every further packet may be one too many. A verdict ends by another login (another key), or by a probe that a person
asks for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from telethon import errors

from telekeep.errors import TelegramAuthError, TelegramNetworkError, TelekeepError
from telekeep.lease.lease import Lease, lease_name
from telekeep.upstream.faults import DEAD, named
from telekeep.upstream.holding import Terms
from telekeep.vault.record import Quarantine
from telekeep.words import moment

_log = logging.getLogger(__name__)

_AGAIN_SECONDS = 5.0  # for Telegram to say it twice


def check(terms: Terms, key_id: int) -> bool:
    """Raise the verdict on this key, if there is one, unless this is the probe that a person asked for.

    Whether anything is noted against the key: that can change only under its lease.
    """
    found = terms.vault.quarantined(key_id)
    if found is not None and found.checked and not terms.probing:
        raise verdict(terms.name, found)
    return found is not None


def verdict(name: str, found: Quarantine) -> TelegramAuthError:
    """The error that a quarantined key raises. Telegram is not asked."""
    kind = found.ending
    said = (kind.__doc__ or "").strip().splitlines()[0]
    return kind(f"{said} {name!r} is set aside since {moment(found.at)}; Telegram was not asked again.")


def acquit(terms: Terms, key_id: int) -> None:
    """Telegram has just accepted this key: what was noted against it is wrong."""
    terms.vault.acquit(key_id)
    _log.warning("%r is accepted by Telegram after all, and no longer set aside.", terms.name)


async def judge(
    terms: Terms, lease: Lease, key_id: int, error: Exception, ask: Callable[[], Awaitable[object]]
) -> Exception:
    """Set the key aside that ``error`` has ended. Everything of it is closed; the lease is still ours.

    ``ask``: asks Telegram once more, over a connection of its own. Returns what ended the holding: ``error``, or, if
    Telegram took the key the second time, that there was trouble.
    """
    name = type(named(error, clock=terms.clock)).__name__
    is_duplicated = type(error) is errors.AuthKeyDuplicatedError
    before = _known(terms, key_id)
    asked_again = terms.probing and before is not None and before.checked  # then this was the one question more
    seen = before.evidence if before is not None else ""
    checked = is_duplicated or asked_again
    is_written = _note(terms, key_id, name, checked=checked, evidence=seen, asked_again=asked_again)
    if is_duplicated and is_written:
        with suppress(TelekeepError):
            seen = "\n".join(await _evidence(terms, lease, key_id))
            _note(terms, key_id, name, checked=True, evidence=seen, asked_again=asked_again)
    if is_duplicated or asked_again or not is_written:
        return error
    try:
        async with asyncio.timeout(_AGAIN_SECONDS):
            await ask()
    except Exception as again:
        if type(again) in DEAD:
            _note(terms, key_id, type(named(again, clock=terms.clock)).__name__, checked=True)
        return error  # if nobody could be reached, the next one to connect asks
    terms.vault.acquit(key_id)
    _log.warning("Telegram refused %r once (%s), and took it when asked again.", terms.name, name)
    return TelegramNetworkError(f"Telegram refused {terms.name!r} once ({name}), and took it when asked again.")


def _known(terms: Terms, key_id: int) -> Quarantine | None:
    try:
        return terms.vault.quarantined(key_id)
    except TelekeepError:
        return None


def _note(
    terms: Terms, key_id: int, name: str, *, checked: bool, evidence: str = "", asked_again: bool = False
) -> bool:
    """Write the row; whether the disk took it."""
    try:
        terms.vault.quarantine(key_id, name, checked=checked, evidence=evidence, asked_again=asked_again)
    except TelekeepError as error:
        _log.error("%r is over (%s), and could not be set aside: %s", terms.name, name, error.message)
        return False
    if checked:
        _log.error("%r is set aside: %s. Nothing is sent with its key any more.", terms.name, name)
    return True


async def _evidence(terms: Terms, lease: Lease, key_id: int) -> list[str]:
    """What can be seen from here of who else may have used the key."""
    said = [
        f"Seen by process {os.getpid()} on {socket.gethostname()}, which had the lease (fence {lease.fence}):"
        " no other process of this machine can have used the key through telekeep."
    ]
    if terms.vault.moved:
        said.append("This vault was on another machine before: its keys may still be in use there.")
    lent = lease_name(key_id)
    others = [each.name for each in terms.vault.entries() if each.lease == lent and each.name != terms.name]
    if others:
        said.append(f"The same key is kept here as {', '.join(others)}, too; one lease guards them all.")
    if lent in terms.vault.away():
        said.append("Its key lies in a file as well, outside telekeep: `telekeep adopt --list` names it.")
    company = await asyncio.to_thread(terms.company) if terms.company is not None else []
    if company:
        said.append(f"Connected to the same data center from this machine: {'; '.join(company)}.")
        said.append("If one of them has a copy of the session, stop it.")
    else:
        said.append(
            "No other process that can be seen from here was connected to that data center: the second user of the key"
            " is another machine, a container, another user, or already gone."
        )
    said.append("Look for a copy: a session file or string that was given to another program, machine or container.")
    return said
