"""Requests the gateway answers itself: they are about the connection, the login or the updates of a borrower, which
are the loan's and the journal's here, not Telegram's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.borrower import Borrower
from telekeep.gateway.borrowers import Borrowers
from telekeep.gateway.endpoint import Endpoint
from telekeep.gateway.journal import BEYOND, Journal
from telekeep.gateway.lending import Lending
from telekeep.gateway.register import Register
from telekeep.mtproto.schema import types
from telekeep.upstream.settle import ACCOUNT, QTS


class Desk(Protocol):
    """What is asked of the desk."""

    endpoint: Endpoint
    register: Register
    journal: Journal
    borrowers: Borrowers
    lending: Lending
    me: Any

    def config(self, borrower: Borrower, dc_id: int) -> bytes: ...


PASS_ON = object()  # Telegram has to answer this one after all

Answer = Any  # bytes, or PASS_ON


def _config(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    return desk.config(borrower, dc_id)


def _cdn_config(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    return bytes(types.CdnConfig(public_keys=[]))


def _export(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    loan = borrower.loan
    assert loan is not None
    if not any(each.dc_id == asked.request.dc_id for each in desk.endpoint.addresses):
        raise Refused(400, "DC_ID_INVALID")
    number, ticket = desk.register.export(loan)
    return bytes(types.auth.ExportedAuthorization(id=number, bytes=ticket))


def _import(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    if desk.register.tie(borrower.key, asked.request.id, asked.request.bytes) is None:
        raise Refused(400, "AUTH_BYTES_INVALID")
    return bytes(types.auth.Authorization(user=desk.me))


def _log_out(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    loan = borrower.loan
    assert loan is not None
    desk.lending.end(loan.id, "logged out")
    return bytes(types.auth.LoggedOut())


def _state(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    state = desk.journal.state()
    return PASS_ON if state is BEYOND else bytes(state)


def _difference(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    if not borrower.listens:  # it may not hear them, or this is no place for them
        return bytes(types.updates.DifferenceEmpty(date=asked.request.date, seq=0))
    request = asked.request
    replay = desk.journal.difference(request.pts, request.qts, request.date)
    return _replayed(desk, borrower, replay, ACCOUNT, QTS)


def _channel_difference(desk: Desk, borrower: Borrower, asked: Asked, dc_id: int) -> Answer:
    channel_id = getattr(asked.request.channel, "channel_id", None)
    if channel_id is None or not borrower.listens:
        return bytes(types.updates.ChannelDifferenceEmpty(pts=asked.request.pts, final=True, timeout=300))
    return _replayed(desk, borrower, desk.journal.channel_difference(channel_id, asked.request.pts), channel_id)


def _replayed(desk: Desk, borrower: Borrower, replay: Any, *lines: int | None) -> Answer:
    """ "Nothing is missing", and then what is missing, told as if it happened now: stock boxes take all of it so."""
    if replay is BEYOND:
        return PASS_ON
    borrower.rewind(replay, *lines)
    desk.borrowers.tell_soon(borrower)
    return bytes(replay.answer)


ANSWERS: Final[dict[str, Callable[[Desk, Borrower, Asked, int], Answer]]] = {
    "auth.exportAuthorization": _export,
    "auth.importAuthorization": _import,
    "auth.logOut": _log_out,
    "help.getCdnConfig": _cdn_config,
    "help.getConfig": _config,
    "updates.getChannelDifference": _channel_difference,
    "updates.getDifference": _difference,
    "updates.getState": _state,
}
WITHOUT_LOAN: Final = frozenset({"auth.importAuthorization", "help.getConfig"})  # what ties a key, and how to begin
