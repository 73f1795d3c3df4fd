"""Login by QR code: another device of the account lets us in (core.telegram.org/api/qr-login)."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from typing import Any

from telekeep.clock import Clock
from telekeep.login.states import Event, LoggedIn, TokenIssued, TokenMoved, TokenRanOut, TokenScanned
from telekeep.mtproto.schema import functions, types
from telekeep.upstream.fresh import Fresh, user_of

_LIFETIME = 30.0  # seconds, where the server's word cannot be right because our clock is wrong
_LONGEST = 300.0


async def issue_token(fresh: Fresh) -> Event:
    """Ask for a token to show; or learn that the last one was accepted."""
    application = fresh.application
    request = functions.auth.ExportLoginTokenRequest(
        application.api_id, application.api_hash.reveal().decode(), except_ids=[]
    )
    return _read(await fresh.ask(request, repeat=True))


async def follow_token(fresh: Fresh, dc_id: int, token: bytes) -> Event:
    """Go to the data center where the account lives, and log in there."""
    await fresh.move(dc_id)
    return _read(await fresh.ask(functions.auth.ImportLoginTokenRequest(token)))


async def wait_for_scan(fresh: Fresh, expires: float, clock: Clock) -> Event:
    """Wait until the token is accepted, or until it runs out (``expires`` in wall-clock seconds)."""
    left = expires - clock.wall()
    scan = asyncio.ensure_future(fresh.scanned())
    sleep = asyncio.ensure_future(clock.sleep(left if 0 < left <= _LONGEST else _LIFETIME))
    try:
        await asyncio.wait((scan, sleep), return_when=asyncio.FIRST_COMPLETED)
        return TokenScanned() if scan.done() else TokenRanOut()
    finally:
        for task in (scan, sleep):
            task.cancel()
        await asyncio.gather(scan, sleep, return_exceptions=True)


def _read(answer: Any) -> Event:
    match answer:
        case types.auth.LoginTokenSuccess():
            return LoggedIn(user_of(answer.authorization.user))
        case types.auth.LoginTokenMigrateTo():
            return TokenMoved(answer.dc_id, answer.token)
    url = "tg://login?token=" + urlsafe_b64encode(answer.token).decode().rstrip("=")
    return TokenIssued(url, answer.expires.timestamp())
