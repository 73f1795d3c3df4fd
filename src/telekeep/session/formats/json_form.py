"""What formats that are JSON have in common: read within bounds, whatever is in them."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any, ClassVar, Final

from telekeep.errors import UnknownFormat
from telekeep.session.formats.form import Form
from telekeep.session.formats.format import Findings
from telekeep.session.model import Session
from telekeep.session.network import Network

JSON_RULE: Final = "is a JSON object of that kind"
LARGEST: Final = 64 << 20  # bytes
_DEEPEST = 32  # brackets; session files need five


class JsonForm(Form):
    """A session that is a JSON object, known by the names in it."""

    is_text = True
    names: ClassVar[frozenset[str]]

    def recognises(self, source: bytes) -> bool:
        table = parsed(source)
        return table is not None and table.keys() >= self.names and self.is_ours(table)

    def is_ours(self, table: dict[str, Any]) -> bool:
        return True

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        table = parsed(source)
        ours = table is not None and table.keys() >= self.names and self.is_ours(table)
        findings.check(None if ours else "it is not", found="yes", error=UnknownFormat)
        return self.session(table, findings, network) if table is not None and ours else None

    def session(self, table: dict[str, Any], findings: Findings, network: Network | None) -> Session | None:
        raise NotImplementedError


def parsed(source: bytes) -> dict[str, Any] | None:
    """``source`` as a JSON object; None if it is none, or larger or deeper than any session."""
    if len(source) > LARGEST or not source[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    if _depth(source) > _DEEPEST:
        return None
    try:
        table = json.loads(source)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def _depth(source: bytes) -> int:
    """How deep brackets nest at most; those in strings count too, which only makes it stricter."""
    if source.count(b"[") + source.count(b"{") <= _DEEPEST:
        return 0
    depth = deepest = 0
    for bracket in source.translate(None, delete=bytes(set(range(256)) - set(b"[]{}"))):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def bytes_of(value: Any) -> bytes | None:
    """The bytes that a base64 text stands for."""
    try:
        return b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        return None


def number(value: Any, least: int, most: int) -> int | None:
    """``value``, if it is a whole number between ``least`` and ``most``."""
    return value if type(value) is int and least <= value <= most else None
