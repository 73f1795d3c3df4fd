"""A lease is named after the key, whatever holds the key and wherever it lies."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha1

import pytest

from telekeep.lease import lease_name
from telekeep.session.model import AuthKey, DataCenter, Session

KEY = AuthKey(bytes(range(256)))
SESSION = Session(DataCenter(2, "149.154.167.51"), KEY)


def test_every_copy_of_a_session_has_one_lease_name() -> None:
    """002-F2: two spellings of one file had two locks. Address, format and place take no part in the name."""
    moved = replace(SESSION, dc=DataCenter(2, "2001:67c:4e8:f002::a", 80), network="elsewhere")
    assert lease_name(moved.auth_key.id) == lease_name(SESSION.auth_key.id)


def test_a_key_id_read_as_a_signed_number_is_the_same_key() -> None:
    raw = sha1(KEY.reveal()).digest()[-8:]
    signed = int.from_bytes(raw, "little", signed=True)
    assert signed < 0, "this sample would prove nothing"
    assert lease_name(signed) == lease_name(KEY.id)


def test_neighbouring_keys_have_different_names() -> None:
    assert len({lease_name(key) for key in range(1000)}) == 1000


def test_a_name_is_a_file_name_and_does_not_show_the_key_id() -> None:
    name = lease_name(KEY.id)
    assert name.isalnum()
    assert len(name) == 32
    assert f"{KEY.id:x}" not in name


@pytest.mark.parametrize("number", [1 << 64, -(1 << 63) - 1])
def test_what_is_no_key_id_has_no_name(number: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        lease_name(number)
