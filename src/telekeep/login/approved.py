"""A login that another authorization of the same account lets in: a QR login whose code nobody has to scan.

core.telegram.org/api/qr-login: the new key asks for a token, the old authorization accepts it, the new key asks again.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from telekeep.login import qr
from telekeep.login.runner import Login
from telekeep.login.states import Action, Event, IssueToken, ShowToken, TokenScanned

Accept = Callable[[bytes], Awaitable[object]]
"""Has the old authorization accept a login token. Raises what Telegram answers, by telekeep's names."""

_PREFIX = "tg://login?token="


@dataclass
class Approved(Login):
    """`Login`, begun with `flow.by_qr`: ``accept`` takes the place of the phone that scans the code."""

    accept: Accept = field(kw_only=True)

    async def _perform(self, action: Action) -> Event:
        match action:
            case ShowToken(url):
                await self.accept(token_of(url))
                return TokenScanned()
            case IssueToken():
                return await qr.issue_token(self.fresh)
        return await super()._perform(action)


def token_of(url: str) -> bytes:
    """The token that a QR code's ``url`` carries."""
    text = url.removeprefix(_PREFIX)
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
