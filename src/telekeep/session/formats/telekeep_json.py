"""A session as JSON of our own: everything the model has, for whoever has no other format. The key lies in it as it
is.
"""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

from telekeep.secret import Secret
from telekeep.session.formats.form import Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
)
from telekeep.session.formats.json_form import JSON_RULE, JsonForm, bytes_of, number
from telekeep.session.formats.tables import INT64, no_address
from telekeep.session.model import (
    Application,
    AuthKey,
    DataCenter,
    Peer,
    PeerKind,
    Session,
    UpdateState,
    User,
)
from telekeep.session.network import Network

_KIND, _VERSION = "session", 1
_OF_USER = ("id", "is_bot", "username")
_OF_STATE = ("pts", "qts", "date", "seq")
_OF_PEER = ("id", "access_hash", "username", "phone", "name")


class TelekeepJson(JsonForm):
    """Our own model, in full."""

    name = "telekeep-json"
    subject = "This telekeep session"
    texts = (
        JSON_RULE,
        "has version 1",
        DC_RULE,
        ADDRESS_RULE,
        KEY_RULE,
        "says of user, application, updates and peers what can be read, or nothing",
    )
    names = frozenset({"telekeep", "version", "dc", "auth_key"})

    def is_ours(self, table: dict[str, Any]) -> bool:
        return table["telekeep"] == _KIND and isinstance(table["dc"], dict)

    def session(self, table: dict[str, Any], findings: Findings, network: Network | None) -> Session | None:
        version = table["version"]
        newer = "it was written by a newer telekeep"
        findings.check(None if version == _VERSION else newer, found="version 1", remedy="Upgrade telekeep.")
        dc, key = table["dc"], bytes_of(table["auth_key"])
        dc_id, host, port = dc.get("id"), dc.get("host"), dc.get("port")
        sound = [check_dc(findings, dc_id, network), check_address(findings, host, port), check_key(findings, key)]
        try:
            rest = _rest(table)
        except (KeyError, TypeError, ValueError, AttributeError):
            findings.check("something in it is not what it should be")
            return None
        findings.check(None, found="yes")
        if not all(sound) or key is None:
            return None
        if network is not None:
            rest["network"] = network.name
        return Session(DataCenter(dc_id, host, port), AuthKey(key), **rest)

    def held(self, session: Session) -> Session:
        return replace(session, login_tokens=())  # each serves once: they stay where they are

    def refusal(self, session: Session) -> Refusal | None:
        return no_address(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        state, user, app = session.state, session.user, session.application
        table = {
            "telekeep": _KIND,
            "version": _VERSION,
            "network": session.network,
            "dc": {"id": session.dc.id, "host": session.dc.host, "port": session.dc.port},
            "auth_key": _base64(session.auth_key),
            "other_keys": {str(dc_id): _base64(key) for dc_id, key in session.other_keys.items()},
            "user": user and {field: getattr(user, field) for field in _OF_USER},
            "application": app and {"api_id": app.api_id, "api_hash": _base64(app.api_hash)},
            "state": state
            and {
                **{field: getattr(state, field) for field in _OF_STATE},
                "channels": {str(each): pts for each, pts in state.channels.items()},
            },
            "peers": [
                {"kind": peer.kind.value, **{field: getattr(peer, field) for field in _OF_PEER}}
                for peer in session.peers
            ],
        }
        return json.dumps(table, indent=1).encode() + b"\n"


def _rest(table: dict[str, Any]) -> dict[str, Any]:
    user, app, state = table.get("user"), table.get("application"), table.get("state")
    return {
        "network": _text(table["network"]),
        "user": _user(user) if user else None,
        "application": Application(_int(app["api_id"]), Secret(_bytes(app["api_hash"]))) if app else None,
        "state": _state(state) if state else None,
        "peers": tuple(_peer(each) for each in table.get("peers") or ()),
        "other_keys": {int(each): AuthKey(_bytes(key)) for each, key in (table.get("other_keys") or {}).items()},
    }


def _user(row: dict[str, Any]) -> User:
    return User(_int(row["id"]), _or_none(bool, row["is_bot"]), _or_none(str, row["username"]))


def _state(row: dict[str, Any]) -> UpdateState:
    pts, qts, date, seq = (_int(row[field]) for field in _OF_STATE)
    return UpdateState(pts, qts, date, seq, {int(each): _int(of_it) for each, of_it in row["channels"].items()})


def _peer(row: dict[str, Any]) -> Peer:
    texts = (_or_none(str, row[field]) for field in _OF_PEER[2:])
    access_hash = row["access_hash"]
    return Peer(PeerKind(row["kind"]), _int(row["id"]), None if access_hash is None else _int(access_hash), *texts)


def _int(value: Any) -> int:
    found = number(value, -INT64, INT64 - 1)
    if found is None:
        raise ValueError
    return found


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _or_none(kind: type, value: Any) -> Any:
    if value is not None and type(value) is not kind:
        raise TypeError
    return value


def _bytes(value: Any) -> bytes:
    found = bytes_of(value)
    if found is None:
        raise ValueError
    return found


def _base64(secret: Secret) -> str:
    return b64encode(secret.reveal()).decode()
