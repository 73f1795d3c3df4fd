"""Phone numbers as Telegram's test data centers have them: 99966XYYYY lives on DC X, and its code is XXXXX
(core.telegram.org/api/auth#test-accounts)."""

from __future__ import annotations

import re

from telekeep.emulator.rpc_error import RpcError

_TEST = re.compile(r"99966(\d)\d{4}")
_SEPARATORS = re.compile(r"[\s().+-]+")
_DIGITS = re.compile(r"[1-9]\d{6,14}")  # E.164 allows fifteen


def normal(phone: str) -> str:
    """The digits of a number, however it is written. Raises RpcError 400 PHONE_NUMBER_INVALID."""
    digits = _SEPARATORS.sub("", phone)
    if not digits.isascii() or not _DIGITS.fullmatch(digits):
        raise RpcError(400, "PHONE_NUMBER_INVALID")
    return digits


def test_dc(phone: str) -> int | None:
    """The data center a test number names, None for other numbers."""
    match = _TEST.fullmatch(phone)
    return int(match[1]) if match else None


def test_code(phone: str) -> str | None:
    """The login code of a test number, None for other numbers."""
    match = _TEST.fullmatch(phone)
    return match[1] * 5 if match else None
