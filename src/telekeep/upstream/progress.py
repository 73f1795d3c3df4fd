"""Update state between Telethon and us, and when it may replace what is known. Decisions; no input or output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telethon.tl.types.updates import State

from telekeep.session.model import UpdateState


class ChannelId(int):
    """The id of a channel, where a bare number could as well be a user's."""


def account_seen(known: UpdateState | None, *, pts: int, qts: int, date: datetime, seq: int) -> UpdateState | None:
    """What is known of the account after Telethon reported this state of its message box.

    pts 0 is how Telethon spells "no state": a client that never connected, failed to, or was revoked, reports it on
    disconnecting, and believing it would lose whatever was missed. Any other number, a lower one too, the box has from
    Telegram.
    """
    if not pts:
        return known
    channels = known.channels if known else {}
    return UpdateState(pts, qts, max(0, int(date.timestamp())), seq, channels)


def channel_seen(known: UpdateState | None, channel_id: int, pts: int) -> UpdateState | None:
    """What is known after Telethon reported ``pts`` of a channel. Without the account's own state it is of no use.

    Channels that the box no longer mentions stay: it drops those whose access hash it lacks, and that may come back.
    """
    if known is None or not pts or known.channels.get(channel_id) == pts:
        return known
    return replace(known, channels={**known.channels, int(channel_id): pts})


def box_seen(known: UpdateState | None, account: Mapping[str, Any], channels: Mapping[int, int]) -> UpdateState | None:
    """What is known after Telethon's ``MessageBox.session_state()`` returned these two."""
    known = account_seen(known, **account)
    if known is None:
        return None
    seen = {int(channel): pts for channel, pts in channels.items() if pts}
    return known if seen.items() <= known.channels.items() else replace(known, channels={**known.channels, **seen})


def telethon_states(known: UpdateState | None) -> Iterable[tuple[int, State]]:
    """``known`` as Telethon's sessions give it in ``get_update_states``: 0 is the account, the rest are channels."""
    if known is None:
        return ()
    date = datetime.fromtimestamp(known.date, UTC)
    account = (0, State(known.pts, known.qts, date, known.seq, unread_count=0))
    return account, *(
        (ChannelId(channel), State(pts, 0, date, 0, unread_count=0)) for channel, pts in known.channels.items()
    )
