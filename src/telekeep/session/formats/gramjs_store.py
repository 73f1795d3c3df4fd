"""GramJS' store session: a folder in which node-localstorage keeps a file for each value.

The files are called ``NAME%3AauthKey``, ``…dcId``, ``…port``, ``…serverAddress``, and ``NAME%3A<marked id>`` for each
peer: a row of marked id, access hash, username, phone, name and when it was met (gramjs/sessions/StoreSession.ts,
Memory.ts). NAME is what ``StoreSession`` was called with; it finds nothing under another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from telekeep.errors import SessionCorrupt, UnknownFormat
from telekeep.session.formats import bundle
from telekeep.session.formats.bundle import Bundle
from telekeep.session.formats.form import Form, Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
    counted,
    network_name,
)
from telekeep.session.formats.tables import INT64, PEERS_RULE, held, kept_peers, marked, no_address, unmarked
from telekeep.session.model import AuthKey, DataCenter, Peer, Session
from telekeep.session.network import Network

KEY_FILE = "%3AauthKey"
_DIGITS = 25  # of a marked id
_LONGEST = 512  # characters of a text in it


class GramjsStore(Form):
    """The folder that ``new StoreSession("name")`` of GramJS keeps. ``folder``: the name of one to be written."""

    name = "gramjs-store"
    subject = "This GramJS store"
    is_folder = True
    texts = ("is a folder of GramJS' store, with all its files", DC_RULE, ADDRESS_RULE, KEY_RULE, PEERS_RULE)

    def __init__(self, folder: str = "session") -> None:
        self._folder = folder

    def recognises(self, source: bytes) -> bool:
        found = bundle.opened(source)
        return found is not None and _key_file(found) is not None

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        try:
            found = Bundle(source)
            key_file = _key_file(found)
            stem = (key_file or "").removesuffix("authKey")
            key, dc_id, port, host = (
                _value(found, stem + each) for each in ("authKey", "dcId", "port", "serverAddress")
            )
            rows = list(_rows(found, stem))
        except SessionCorrupt:
            key_file, rows = None, []
        if not findings.check(None if key_file else "it is not", found="yes", error=UnknownFormat):
            return None
        check_dc(findings, dc_id, network)
        check_address(findings, host, port)
        check_key(findings, _bytes(key))
        peers = [_peer(number, row) for number, row in rows]
        if None in peers:
            findings.check(
                "one of its peers is malformed", remedy="Leave the files of single peers out of a copy of it."
            )
        else:
            findings.check(None, found=counted(len(peers), "peer"))
        if findings.error:
            return None
        dc = DataCenter(dc_id, host, port)
        known = tuple(peer for peer in peers if peer is not None)
        return Session(dc, AuthKey(_bytes(key) or b""), peers=known, network=network_name(dc, network))

    def held(self, session: Session) -> Session:
        peers = kept_peers(session.peers, names=True)
        short = tuple(peer for peer in peers if all(len(each or "") <= _LONGEST for each in _texts(peer)))
        return held(session, user=None, state=None, peers=short, network=network_name(session.dc, None))

    def refusal(self, session: Session) -> Refusal | None:
        return no_address(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        kept, stem = self.held(session), f"{quote(self._folder, safe='')}%3A"
        values: dict[str, Any] = {
            "authKey": {"type": "Buffer", "data": list(kept.auth_key.reveal())},
            "dcId": kept.dc.id,
            "port": kept.dc.port,
            "serverAddress": kept.dc.host,
        }
        for peer in kept.peers:
            number = marked(peer.kind, peer.id)
            values[str(number)] = [str(number), str(peer.access_hash or 0), *_texts(peer), 0]
        return bundle.pack(
            {f"{self._folder}/{stem}{each}": json.dumps(value).encode() for each, value in values.items()}
        )


def _texts(peer: Peer) -> tuple[str | None, str | None, str | None]:
    return peer.username, peer.phone, peer.name


def _key_file(found: Bundle) -> str | None:
    return next((name for name in found.names if name.endswith(KEY_FILE)), None)


def _value(found: Bundle, name: str) -> Any:
    content = found.read(name)
    try:
        return json.loads(content) if content and content.count(b"[") < 8 else None
    except (ValueError, RecursionError):
        return None


def _rows(found: Bundle, stem: str) -> Iterator[tuple[int, Any]]:
    for name in found.names:
        digits = unquote(name.removeprefix(stem)) if name.startswith(stem) else ""
        if len(digits) < _DIGITS and digits.removeprefix("-").isdigit() and digits.isascii():
            yield int(digits), _value(found, name)


def _bytes(key: Any) -> bytes | None:
    """What JSON makes of a Buffer."""
    data = key.get("data") if isinstance(key, dict) else None
    if not isinstance(data, list) or not all(type(each) is int and 0 <= each <= 255 for each in data):
        return None
    return bytes(data)


def _peer(number: int, row: Any) -> Peer | None:
    if not isinstance(row, list) or len(row) < 5 or not number or abs(number) >= INT64:
        return None
    access_hash = _number(row[1])
    username, phone, name = (str(each) if isinstance(each, str | int) and each else None for each in row[2:5])
    if access_hash is None or any(len(each or "") > _LONGEST for each in (username, phone, name)):
        return None
    kind, bare_id = unmarked(number)
    return Peer(kind, bare_id, access_hash or None, username, phone, name)


def _number(value: Any) -> int | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    sound = len(text) < _DIGITS and text.isascii() and text.removeprefix("-").isdigit()
    return int(text) if sound and -INT64 <= int(text) < INT64 else None
