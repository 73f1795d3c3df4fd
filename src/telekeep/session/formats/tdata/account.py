"""One account of a tdata folder: whose it is, its home data center, and its keys (main_account.cpp, writeMtpData)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from telekeep.session.formats.packed import Ended, Packed
from telekeep.session.formats.tdata.files import Torn, array, next_array
from telekeep.session.model import KEY_BYTES

_AUTHORIZATION = 0x4B  # the block that holds it (storage_settings_scheme.h)
_WIDE = 0xFFFFFFFF  # twice, in the place of user and data center: both follow, the user with 64 bits
_MOST_KEYS = 64


@dataclass(frozen=True, slots=True, repr=False)
class Account:
    """``keys`` by data center."""

    user_id: int
    dc_id: int
    keys: dict[int, bytes]

    def __repr__(self) -> str:
        return f"Account(dc_id={self.dc_id}, keys={sorted(self.keys)})"


def read_account(plain: bytes) -> Account:
    """What the file of an account says. Raises Torn."""
    outer = Packed(plain, ">")
    try:
        if outer.number("I") != _AUTHORIZATION:
            raise Torn
        inner = Packed(next_array(outer), ">")
        user_id, dc_id = inner.number("I"), inner.number("I")
        if user_id == dc_id == _WIDE:
            user_id, dc_id = inner.number("Q"), inner.number("i")
        count = inner.number("I")
        if count > _MOST_KEYS:
            raise Torn
        keys = {inner.number("i"): inner.take(KEY_BYTES) for _ in range(count)}
    except Ended:
        raise Torn from None
    return Account(user_id, dc_id, keys)


def write_account(account: Account) -> bytes:
    inner = struct.pack(">IIQiI", _WIDE, _WIDE, account.user_id, account.dc_id, len(account.keys))
    inner += b"".join(struct.pack(">i", dc_id) + key for dc_id, key in account.keys.items())
    return struct.pack(">I", _AUTHORIZATION) + array(inner + struct.pack(">I", 0))  # no keys to be destroyed


def is_test(plain: bytes) -> bool:
    """Whether the file ``config`` of an account speaks of the test network (mtproto_config.cpp)."""
    try:
        config = Packed(next_array(Packed(plain, ">")), ">")
        config.number("i")
        return bool(config.number("i") == 1)
    except (Ended, Torn):
        return False
