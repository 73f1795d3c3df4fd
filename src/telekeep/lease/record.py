"""What lies in a lease file: the fence, and the holder's face as JSON. Pure.

A file is one block of 2,048 bytes, written over in one go and never made shorter, so that ``fdatasync`` has no more to
do than the block itself::

    00000001763680000123
    {"pid": 4242, "created": 1881.18, "command": "python bot.py", …}
    (spaces)

Every user of the machine may write to it, so whatever is read is checked, cut and cleaned. The fence stands first and
alone: it is read even where the face is damaged.
"""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from telekeep.lease.fence import CEILING
from telekeep.lease.holder import UNKNOWN, Holder
from telekeep.lease.redaction import LIMIT, plain

SIZE = 2048
FENCE_BYTES = 21  # twenty digits and a newline


def encode_fence(fence: int) -> bytes:
    """The first line of a lease file."""
    return b"%020d\n" % fence


def decode_fence(data: bytes) -> int:
    """The fence of a lease file that begins with ``data``; 0 if it has none."""
    digits, newline = data[: FENCE_BYTES - 1], data[FENCE_BYTES - 1 : FENCE_BYTES]
    return int(digits) if newline == b"\n" and digits.isdigit() else 0


def encode(holder: Holder) -> bytes:
    """The lease file of ``holder``, exactly SIZE bytes."""
    fence = encode_fence(holder.fence)
    while len(face := _json(_facts(holder)).encode(errors="replace")) >= SIZE - len(fence):
        holder = replace(holder, command=holder.command[: len(holder.command) // 2], purpose=None)
    return (fence + face).ljust(SIZE - 1) + b"\n"


_json = json.JSONEncoder(ensure_ascii=False).encode  # made once, not for every lease
_FIELDS = tuple(each.name for each in fields(Holder))


def _facts(holder: Holder) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in _FIELDS}


def decode(data: bytes) -> Holder:
    """The holder that a lease file names, or UNKNOWN if it names none that makes sense."""
    try:
        face = json.loads(data[FENCE_BYTES:SIZE])
        return Holder(
            pid=_pid(face["pid"]),
            created=_number(face["created"]),
            boot_id=_text(face["boot_id"]),
            pid_namespace=_text(face["pid_namespace"]),
            host=_text(face["host"]),
            user=_text(face["user"]),
            command=_text(face["command"]),
            since=_number(face["since"]),
            fence=int(_number(face["fence"])),
            purpose=None if face["purpose"] is None else _text(face["purpose"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return UNKNOWN


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < CEILING:
        raise ValueError
    return value


def _pid(value: Any) -> int:
    if not 0 < (pid := int(_number(value))) < 1 << 31:
        raise ValueError
    return pid


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return plain(value, LIMIT)
