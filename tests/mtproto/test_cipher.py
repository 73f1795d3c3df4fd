"""Encryption, held against Telethon's client side, and against whoever changes bytes on the way."""

from __future__ import annotations

import os
import struct
from collections import defaultdict
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Reference
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from telethon.crypto import AuthKey
from telethon.network.mtprotostate import MTProtoState

from mtproto.client import RawClient, TransportRefusal
from mtproto.server import Running
from telekeep.mtproto.cipher import Cipher, CipherError, CounterStream
from telekeep.mtproto.schema import types

KEY = bytes(range(1, 256)) + b"\x01"


def telethon_state() -> Any:
    import logging

    return MTProtoState(AuthKey(KEY), defaultdict(lambda: logging.getLogger("telethon")))


def test_the_key_id_is_telethons() -> None:
    assert Cipher(KEY).id == AuthKey(KEY).key_id


@pytest.mark.parametrize("size", [0, 4, 12, 16, 400, 5000])
def test_what_telethon_encrypts_is_read(size: int) -> None:
    state = telethon_state()
    state.salt = 77
    message = struct.pack("<qii", 4 << 32, 1, size) + os.urandom(size)
    plain = Cipher(KEY).decrypt(state.encrypt_message_data(message))
    assert plain[:16] == struct.pack("<qq", 77, state.id)
    assert plain[16 : 16 + len(message)] == message


def test_telethon_reads_what_is_encrypted() -> None:
    import time

    state = telethon_state()
    body = bytes(types.Pong(msg_id=5, ping_id=6))
    message_id = int(time.time()) << 32 | 1
    plain = struct.pack("<qqqii", 0, state.id, message_id, 0, len(body)) + body
    read = state.decrypt_message_data(Cipher(KEY).encrypt(plain))
    assert (read.msg_id, read.obj.ping_id) == (message_id, 6)


@given(st.binary(min_size=32, max_size=300))
def test_what_is_encrypted_is_padded_by_the_rule(plain: bytes) -> None:
    frame = Cipher(KEY).encrypt(plain)
    opened = Cipher(KEY, mirrored=True).decrypt(frame)
    assert opened.startswith(plain)
    assert 12 <= len(opened) - len(plain) <= 27


@given(st.data())
def test_no_flipped_bit_passes(data: st.DataObject) -> None:
    frame = bytearray(Cipher(KEY, mirrored=True).encrypt(bytes(48)))
    at = data.draw(st.integers(0, len(frame) * 8 - 1))
    frame[at // 8] ^= 1 << at % 8
    with pytest.raises(CipherError):
        Cipher(KEY).decrypt(bytes(frame))


def test_the_servers_own_frames_do_not_pass_as_a_clients() -> None:
    with pytest.raises(CipherError):
        Cipher(KEY).decrypt(Cipher(KEY).encrypt(bytes(48)))


@pytest.mark.parametrize("size", [0, 8, 24, 40, 71, 100])
def test_a_frame_of_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(CipherError):
        Cipher(KEY).decrypt(Cipher(KEY).encrypt(bytes(200))[:size])


@given(sizes=st.lists(st.integers(0, 70)), first=st.sampled_from([0, 2**128 - 2, 2**64 - 1]))
def test_a_counter_stream_is_aes_ctr_however_it_is_cut(sizes: list[int], first: int) -> None:
    key, counter = os.urandom(32), first.to_bytes(16, "big")
    stream, plain = CounterStream(key, counter), os.urandom(sum(sizes))
    found, at = b"", 0
    for size in sizes:
        found += stream.apply(plain[at : at + size])
        at += size
    assert found == Reference(algorithms.AES(key), modes.CTR(counter)).encryptor().update(plain)


def test_a_key_never_prints_itself() -> None:
    assert KEY.hex()[:16] not in repr(Cipher(KEY))


async def test_an_unknown_key_is_answered_with_minus_404(server: Running) -> None:
    async with await RawClient.open(server.address, os.urandom(256)) as client:
        await client.say(bytes(types.MsgsAck([])), content=False)
        with pytest.raises(TransportRefusal) as refusal:
            await client.frame()
    assert refusal.value.args == (-404,)


@pytest.mark.parametrize("padding", [0, 8, 1040])
async def test_padding_outside_12_to_1024_is_refused(server: Running, client: RawClient, padding: int) -> None:
    _, message = client.message(b"\x01\x02\x03\x04" + bytes(16 - 4 + (8 - padding) % 16))
    await client.send(message, padding=padding)
    assert await client.is_closed()
    assert not server.served.asked


async def test_a_length_beyond_the_message_is_refused(server: Running, client: RawClient) -> None:
    head = struct.pack("<qii", client.next_id(), 1, 4000)
    await client.send(head + bytes(16))
    assert await client.is_closed()
    assert not server.served.asked
