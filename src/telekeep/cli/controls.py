"""What a terminal would act upon, made visible: names, titles and messages are written by strangers.

A control sequence in the title of a chat could clear the screen, rename the window or fill the clipboard; marks of
direction turn a line around. Line breaks, tabs and the colours of `telekeep.cli.output` stay. Pure.
"""

from __future__ import annotations

import re

_ACTS = (
    r"\x1b(?!\[(?:0|1|2|31|32|33)m)"  # our own colours begin alike
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]"
    r"|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # directions (Unicode, UAX 9)
    r"|[\ud800-\udfff]"  # halves of characters, which no encoding takes
)


def without(text: str) -> str:
    """``text`` with ``?`` for whatever a terminal would act upon."""
    return text if text.isascii() and text.isprintable() else re.sub(_ACTS, "?", text)


def escaped(json: str) -> str:
    """``json`` with the same characters as escapes, which mean the same to whoever parses it.

    What stands outside of strings is plain ASCII and has none of them.
    """
    return json if json.isascii() else re.sub(_ACTS, lambda found: f"\\u{ord(found[0]):04x}", json)
