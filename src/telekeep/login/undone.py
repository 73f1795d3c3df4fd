"""A login that is not wanted any more: whatever has come of it so far is ended with its own key."""

from __future__ import annotations

from telekeep.errors import TelegramNetworkError, TelekeepError
from telekeep.login import qr
from telekeep.login.states import LoggedIn
from telekeep.upstream.fresh import Fresh, Refusal


async def undo(fresh: Fresh) -> None:
    """Make sure that nobody is logged in with the key of ``fresh``, now or later: a login token that was accepted and
    not taken up yet would still open it.

    Raises TelegramNetworkError if Telegram cannot be asked: then a login may stand.
    """
    if await fresh.end():
        return
    try:
        left = await qr.issue_token(fresh)  # takes up one that was accepted, and voids one that was not
    except TelegramNetworkError:
        raise
    except (Refusal, TelekeepError):  # there was none; one that cannot be taken up now runs out by itself
        return
    if isinstance(left, LoggedIn):
        await fresh.end()
