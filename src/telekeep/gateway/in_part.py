"""Users and groups in part: for borrowers that have not met whom Telegram takes for known.

Telegram's short updates name nobody. Telethon asks for what it lacks; kurigram takes it that everybody is named, and
stumbles over a message from somebody who is not. So the owner says what it knows of them: a name, marked as a part
(``min``, core.telegram.org/api/min), by which no client takes an access hash for its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telekeep.mtproto.schema import types
from telekeep.session.model import Peer, PeerKind

_LONG_AGO = datetime.fromtimestamp(0, UTC)


def in_part(peer: Peer) -> Any:
    """A TL user or group for a peer that is known by name; None for a channel, of which short updates never tell."""
    if peer.kind is PeerKind.USER:
        return types.User(
            id=peer.id, min=True, access_hash=peer.access_hash, first_name=peer.name or "", username=peer.username
        )
    if peer.kind is PeerKind.CHAT:
        return types.Chat(
            id=peer.id,
            title=peer.name or "",
            photo=types.ChatPhotoEmpty(),
            participants_count=0,
            date=_LONG_AGO,
            version=0,
        )
    return None
