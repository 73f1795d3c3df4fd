"""gotd's session file: a JSON object with Version 1 and Data: data center, address, auth key and salt.

session/session.go of gotd/td. A program of gotd's connects to the addresses it was built with, or to those in
``Config``, and never to ``Addr``: so no loan can be one.
"""

from __future__ import annotations

import ipaddress
import json
from base64 import b64encode
from hashlib import sha1
from typing import Any

from telekeep.session.formats.form import Refusal
from telekeep.session.formats.format import (
    ADDRESS_RULE,
    DC_RULE,
    KEY_RULE,
    Findings,
    check_address,
    check_dc,
    check_key,
    network_name,
)
from telekeep.session.formats.json_form import JSON_RULE, JsonForm, bytes_of
from telekeep.session.formats.tables import no_address
from telekeep.session.model import AuthKey, DataCenter, Session
from telekeep.session.network import TEST, Network, telegrams_own

_VERSION = 1


class GotdJson(JsonForm):
    """The file that ``session.FileStorage`` of gotd keeps."""

    name = "gotd-json"
    subject = "This gotd session"
    follows_address = False
    texts = (JSON_RULE, "has version 1", DC_RULE, ADDRESS_RULE, KEY_RULE, "its key is the one that it names")
    names = frozenset({"Version", "Data"})

    def is_ours(self, table: dict[str, Any]) -> bool:
        return isinstance(table["Data"], dict) and "AuthKey" in table["Data"]

    def session(self, table: dict[str, Any], findings: Findings, network: Network | None) -> Session | None:
        data = table["Data"]
        version = table["Version"]
        findings.check(None if version == _VERSION else "it has another version", found="version 1")
        config = data.get("Config")
        is_test = isinstance(config, dict) and config.get("TestMode") is True
        dc_id, key = data.get("DC"), bytes_of(data["AuthKey"])
        host, port = _parted(data.get("Addr")) or telegrams_own(dc_id, test=is_test, network=network)
        sound = [check_dc(findings, dc_id, network), check_address(findings, host, port), check_key(findings, key)]
        said = bytes_of(data.get("AuthKeyID"))
        same = not said or said == sha1(key or b"").digest()[-8:]
        findings.check(None if same else "it names another key than it holds", found="yes")
        if not all(sound) or host is None or port is None or key is None:
            return None
        dc = DataCenter(dc_id, host, port)
        name = TEST.name if is_test and network is None else network_name(dc, network)
        return Session(dc, AuthKey(key), network=name)

    def held(self, session: Session) -> Session:
        name = TEST.name if session.network == TEST.name else network_name(session.dc, None)
        return Session(session.dc, session.auth_key, network=name)

    def refusal(self, session: Session) -> Refusal | None:
        return no_address(session.dc)

    def encode(self, session: Session, variant: int | None) -> bytes:
        dc, key = session.dc, session.auth_key.reveal()
        host = f"[{dc.host}]" if ":" in dc.host else dc.host
        data = {
            "Config": {"TestMode": session.network == TEST.name, "ThisDC": dc.id},
            "DC": dc.id,
            "Addr": f"{host}:{dc.port}",
            "AuthKey": b64encode(key).decode(),
            "AuthKeyID": b64encode(sha1(key).digest()[-8:]).decode(),
            "Salt": 0,  # Telegram tells the first one that is used
        }
        return json.dumps({"Version": _VERSION, "Data": data}, separators=(",", ":")).encode()


def _parted(address: Any) -> tuple[str | None, int | None] | None:
    """Host and port of ``host:port``; None if there is nothing."""
    if not isinstance(address, str) or not address:
        return None
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        host = ipaddress.ip_address(host).compressed
    except ValueError:
        pass
    return host, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else None
