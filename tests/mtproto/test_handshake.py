"""The key exchange, by a hand-written client that gets every step right, or one of them wrong."""

from __future__ import annotations

import itertools
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from telethon.crypto import Factorization

from mtproto.client import RawClient, TransportRefusal, Wire
from mtproto.handshake import Shake, rsa_pad, sha1_block
from mtproto.server import Running
from telekeep.mtproto import exchange
from telekeep.mtproto.schema import DH_PRIME, types


@pytest.fixture
async def shake(server: Running) -> AsyncIterator[Shake]:
    wire = Wire(server.address.host, server.address.port)
    await wire.open()
    yield Shake(wire, server.served.server_key.pem)
    await wire.close()


async def refused(step: Any) -> None:
    with pytest.raises(TransportRefusal) as refusal:
        await step
    assert refusal.value.args == (-404,)


@pytest.mark.parametrize("encrypt", [rsa_pad, sha1_block])
async def test_a_key_is_agreed_on_and_carries_messages(
    server: Running, shake: Shake, encrypt: Callable[..., bytes]
) -> None:
    shake.encrypt = encrypt
    key = await shake.all()
    assert len(server.served.keys) == 1
    client = RawClient(shake.wire, key)
    client.salt = shake.salt  # both sides have computed the first salt; it must be taken
    await client.ping()


async def test_pq_has_eight_bytes_with_its_leading_zeros(shake: Shake) -> None:
    """Telethon reads pq as a signed number."""
    assert len((await shake.res_pq()).pq) == 8


@pytest.mark.parametrize(
    ("inner", "fields"),
    [
        (types.PQInnerDataDc, {"dc": 2}),
        (types.PQInnerDataDc, {"dc": 10002}),
        (types.PQInnerDataDc, {"dc": -2}),
    ],
)
async def test_inner_data_may_name_this_data_center(shake: Shake, inner: Any, fields: dict[str, int]) -> None:
    shake.inner, shake.inner_fields = inner, fields
    await shake.all()


async def test_inner_data_for_another_data_center_is_refused(shake: Shake) -> None:
    shake.inner, shake.inner_fields = types.PQInnerDataDc, {"dc": 4}
    await shake.res_pq()
    await refused(shake.dh_params())


async def test_a_temporary_key_is_not_made(shake: Shake) -> None:
    shake.inner, shake.inner_fields = types.PQInnerDataTempDc, {"dc": 2, "expires_in": 3600}
    await shake.res_pq()
    await refused(shake.dh_params())


async def test_wrong_factors_are_refused(shake: Shake) -> None:
    await shake.res_pq()
    shake.p, shake.q = shake.q, shake.p
    await refused(shake.dh_params())


async def test_an_unknown_fingerprint_is_refused(shake: Shake) -> None:
    await shake.res_pq()
    shake.fingerprint ^= 1
    await refused(shake.dh_params())


async def test_garbage_instead_of_inner_data_is_refused(shake: Shake) -> None:
    shake.encrypt = lambda data, n, e: os.urandom(255).rjust(256, b"\0")
    await shake.res_pq()
    await refused(shake.dh_params())


async def test_inner_data_whose_hash_is_wrong_is_refused(shake: Shake) -> None:
    shake.encrypt = lambda data, n, e: pow(
        int.from_bytes(bytes(20) + data + os.urandom(235 - len(data)), "big"), e, n
    ).to_bytes(256, "big")
    await shake.res_pq()
    await refused(shake.dh_params())


async def test_another_nonce_is_refused(shake: Shake) -> None:
    await shake.res_pq()
    shake.nonce = os.urandom(16)
    await refused(shake.dh_params())


async def test_steps_out_of_order_are_refused(shake: Shake) -> None:
    await shake.res_pq()
    await shake.dh_params()
    await refused(shake.dh_params())


@pytest.mark.parametrize("g_b", [0, 1, DH_PRIME - 1, 1 << 1983, DH_PRIME - (1 << 1983)])
async def test_a_weak_g_b_is_answered_with_dh_gen_fail(server: Running, shake: Shake, g_b: int) -> None:
    await shake.res_pq()
    await shake.dh_params()
    assert isinstance(await shake.dh_gen(g_b=g_b), types.DhGenFail)
    assert not server.served.keys


async def test_client_data_whose_hash_is_wrong_is_refused(shake: Shake) -> None:
    await shake.res_pq()
    await shake.dh_params()
    data = bytearray(shake.client_data(pow(3, shake.secret, DH_PRIME)))
    data[0] ^= 1
    await refused(shake.dh_gen(data=bytes(data)))


async def test_a_key_whose_id_is_taken_is_picked_again(server: Running, shake: Shake) -> None:
    met: list[bytes] = []

    def taken(key: bytes) -> bool:
        met.append(key)
        return len(met) < 3

    server.served.refuse_key = taken
    key = await shake.all()
    assert key == met[2]
    assert len(set(met)) == 3


async def test_a_key_that_starts_with_a_zero_byte_is_a_key_like_any_other(server: Running, shake: Shake) -> None:
    """kurigram takes dh_gen_retry for a yes, so nothing is said that need not be."""
    await shake.res_pq()
    await shake.dh_params()
    while pow(shake.g_a, shake.secret, DH_PRIME) >> 2040:
        shake.secret += 1
    assert isinstance(await shake.dh_gen(), types.DhGenOk)
    assert shake.key[0] == 0
    client = RawClient(shake.wire, shake.key)
    client.salt = shake.salt
    await client.ping()


async def test_a_retry_must_name_the_key_before(server: Running, shake: Shake) -> None:
    server.served.refuse_key = lambda key: True
    await shake.res_pq()
    await shake.dh_params()
    assert isinstance(await shake.dh_gen(), types.DhGenRetry)
    shake.retry_id = 1
    await refused(shake.dh_gen())


async def test_retries_end_with_dh_gen_fail(server: Running, shake: Shake) -> None:
    server.served.refuse_key = lambda key: True
    await shake.res_pq()
    await shake.dh_params()
    answers = [await shake.dh_gen()]
    while isinstance(answers[-1], types.DhGenRetry):
        shake.retry_id = shake.aux_hash
        shake.secret += 1
        answers.append(await shake.dh_gen())
    assert isinstance(answers[-1], types.DhGenFail)
    assert 2 <= len(answers) < 20


async def test_a_handshake_may_begin_again_on_the_same_connection(server: Running, shake: Shake) -> None:
    await shake.res_pq()
    await shake.res_pq()
    await shake.dh_params()
    await shake.all()
    assert len(server.served.keys) == 1


def test_telethon_factorises_every_pq() -> None:
    """Its search is random and may give up; each time costs a user the login."""
    for p, q in itertools.product(exchange._SMALL, exchange._LARGE):
        for _ in range(5):
            assert Factorization.factorize(p * q) == (p, q)
