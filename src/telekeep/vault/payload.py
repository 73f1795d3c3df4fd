"""What a record hides: sessions, update states and peers as compact, versioned JSON.

Only authenticated bytes are read here, so anything unexpected was written by a newer telekeep.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from telekeep.errors import UnknownFormat
from telekeep.secret import Secret
from telekeep.session.model import Application, AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User

VERSION = 1


def write_session(session: Session) -> bytes:
    """``session`` without its update state and peers: those may lag, and lie in the other file."""
    user, application = session.user, session.application
    table = {
        "v": VERSION,
        "network": session.network,
        "dc": [session.dc.id, session.dc.host, session.dc.port],
        "key": b64encode(session.auth_key.reveal()).decode(),
        "user": user and [user.id, user.is_bot, user.username],
        "application": application and [application.api_id, b64encode(application.api_hash.reveal()).decode()],
    }
    # Older telekeeps pass over what they do not know, and leave it out of what they write themselves: no harm, a token
    # saves a code and a program makes such a key again.
    if session.login_tokens:
        table["tokens"] = [b64encode(each.reveal()).decode() for each in session.login_tokens]
    if session.other_keys:
        table["others"] = {str(each): b64encode(key.reveal()).decode() for each, key in session.other_keys.items()}
    return _write(table)


def read_key_id(data: bytes) -> int:
    """The id of the key of the session that `write_session` wrote. Raises UnknownFormat as `read_session` does."""
    return AuthKey(b64decode(_table(data)["key"])).id


def read_session(data: bytes) -> Session:
    """The session that `write_session` wrote. Raises UnknownFormat for a version this telekeep does not know."""
    table = _table(data)
    user, application = table["user"], table["application"]
    return Session(
        dc=DataCenter(*table["dc"]),
        auth_key=AuthKey(b64decode(table["key"])),
        user=User(*user) if user else None,
        application=Application(application[0], Secret(b64decode(application[1]))) if application else None,
        network=table["network"],
        login_tokens=tuple(Secret(b64decode(each)) for each in table.get("tokens", ())),
        other_keys={int(each): AuthKey(b64decode(key)) for each, key in table.get("others", {}).items()},
    )


def _table(data: bytes) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(data.decode())
    if table["v"] != VERSION:
        raise UnknownFormat(
            f"This record was written by a newer telekeep (record format {table['v']}, known: {VERSION}).",
            remedy="Install the telekeep that wrote it, or a newer one.",
        )
    return table


def write_state(state: UpdateState) -> bytes:
    """``state`` as bytes."""
    channels = {str(channel): pts for channel, pts in state.channels.items()}
    return _write([state.pts, state.qts, state.date, state.seq, channels])


def read_state(data: bytes) -> UpdateState:
    """The update state that `write_state` wrote."""
    pts, qts, date, seq, channels = json.loads(data)
    return UpdateState(pts, qts, date, seq, {int(channel): pts for channel, pts in channels.items()})


def write_peer(peer: Peer) -> bytes:
    """``peer`` as bytes."""
    return _write([peer.kind.value, peer.id, peer.access_hash, peer.username, peer.phone, peer.name])


def read_peer(data: bytes) -> Peer:
    """The peer that `write_peer` wrote."""
    kind, *rest = json.loads(data)
    return Peer(PeerKind(kind), *rest)


def _write(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
