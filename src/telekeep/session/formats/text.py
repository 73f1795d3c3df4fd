"""A string as people hand it over: with a line break, quotes, or the name of a variable around it."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telekeep.session.formats.format import Findings

LONGEST = 4096  # bytes; no session string of any library comes near
_ASSIGNMENT = re.compile(r"(?:export\s+)?[A-Za-z_]\w{0,63}\s*[=:]\s*(?=[^\s=])")
_QUOTES = "\"'`“”‘’«»"
_NOTHING_AROUND = re.compile(rb"[A-Za-z0-9_+/-]*={0,2}")
_TO_PLAIN = str.maketrans("-_", "+/")
ALONE = "Keep nothing but the string itself, in one line."
LINE_RULE = "is one line, with no line break after it"
ALONE_RULE = "stands alone: no quotation marks, blanks or names"


@dataclass(frozen=True, slots=True, repr=False)
class Bare:
    """``core`` is the string itself; ``lines`` and ``around`` say what else there was, empty where nothing."""

    core: str
    lines: str
    around: str


def bare(source: bytes) -> Bare:
    """Take away what surrounds a string, and remember it: the rules are told apart that way."""
    if len(source) > LONGEST:
        return Bare("", "", f"it has {len(source)} bytes, far more than any session string")
    if _NOTHING_AROUND.fullmatch(source):  # as nearly always
        return Bare(source.decode("ascii"), "", "")
    text, encoding = _decoded(source)
    lines = len(text.strip().splitlines())
    if lines > 1:
        broken = f"it is broken over {lines} lines"
    else:
        broken = "a line break stands before or after it" if re.search(r"[\r\n]", text) else ""
    rest = text.strip()
    around = [encoding] if encoding else []
    if text.strip("\r\n") != rest:
        around.append("blanks before or after it")
    if assignment := _ASSIGNMENT.match(rest):
        rest = rest[assignment.end() :]
        around.append("the name of a variable before it")
    if rest.strip(_QUOTES) != rest:
        rest = rest.strip(_QUOTES).strip()
        around.append("quotation marks around it")
    if re.search(r"[^\S\r\n]", rest):
        around.append("blanks inside it")
    return Bare("".join(rest.split()), broken, "it has " + " and ".join(around) if around else "")


def check_around(findings: Findings, text: Bare) -> None:
    """The two rules about what surrounds a string."""
    findings.check(text.lines, found="yes", remedy=ALONE)
    findings.check(text.around, found="yes", remedy=ALONE)


def _decoded(source: bytes) -> tuple[str, str]:
    for mark, name in (
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF8, "utf-8-sig"),
    ):
        if source.startswith(mark):
            kind = name[:6].upper().rstrip("-")
            return source.decode(name, "replace"), f"the byte order mark of a {kind} file before it"
    try:
        return source.decode("utf-8"), ""
    except UnicodeDecodeError:
        return source.decode("latin-1"), ""


def from_base64(text: str) -> bytes | None:
    """The bytes of ``text`` in either base64 alphabet, padded or not; None if it is not base64."""
    plain = text.rstrip("=").translate(_TO_PLAIN)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
