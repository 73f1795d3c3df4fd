"""How a client and this server agree on an auth key (core.telegram.org/mtproto/auth_key), seen from the server.

No I/O: `Handshake.answer` takes one plain request and returns the answer; after the last one `Handshake.agreed` holds
the key. Whatever a client does wrong raises HandshakeError, and the connection is refused.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from telekeep.mtproto.cipher import KEY_BYTES, decrypt_ige, encrypt_ige
from telekeep.mtproto.modpow import modpow
from telekeep.mtproto.rsa import ServerKey
from telekeep.mtproto.schema import DH_G, DH_PRIME, SchemaError, functions, read_first, types

_EXPONENT_BITS = 512  # of the server's DH secret: far above what a 2048-bit safe prime gives away (RFC 7919, 5.2)
_SAFE_RANGE = 1 << (2048 - 64)
_RETRIES = 8  # how often dh_gen_retry is answered before dh_gen_fail
# Factors of pq. One is small, so that clients are quick; the other large, so that Pollard's rho, which they use, does
# not meet both in the same step: with two of 20 bits Telethon gives up on one pq in a thousand, which ends its login.
_SMALL = (65537, 65539, 65543, 65551, 65557, 65563, 65579, 65581, 65587, 65599)
_LARGE = (2147483647, 2147483629, 2147483587, 2147483579, 2147483563, 2147483549)


class HandshakeError(ValueError):
    """The client broke the handshake; there is nothing to answer."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both sides have now. ``salt``: the first server salt, computed by both of them."""

    key: bytes
    salt: int


class Handshake:
    """One client's way to an auth key. It may begin again with req_pq at any time.

    ``dc_id``: the data center this is, which p_q_inner_data_dc must name (test DCs as 10000 + id, media as -id).
    ``taken``: tells of a key whether its id is in use already, so that another one is picked.
    """

    def __init__(
        self,
        key: ServerKey,
        *,
        dc_id: int,
        now: Callable[[], float],
        taken: Callable[[bytes], bool] = lambda _key: False,
    ) -> None:
        self._key = key
        self._dc_id = dc_id
        self._now = now
        self._taken = taken
        self._next: Callable[[Any], Any] = self._res_pq
        self.agreed: Agreed | None = None

    def answer(self, request: Any) -> Any:
        """The answer to one request. Raises HandshakeError; the handshake then starts over."""
        if isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            self._next = self._res_pq
        step, self._next = self._next, self._res_pq
        return step(request)

    def _res_pq(self, request: Any) -> Any:
        if not isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            raise HandshakeError("req_pq comes first")
        self.agreed = None
        self._nonce = request.nonce
        self._server_nonce = _signed(os.urandom(16))
        self._p, self._q = secrets.choice(_SMALL), secrets.choice(_LARGE)
        self._next = self._dh_params
        # eight bytes with their leading zeros: Telethon reads the number as a signed one
        pq = (self._p * self._q).to_bytes(8, "big")
        return types.ResPQ(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            pq=pq,
            server_public_key_fingerprints=[self._key.fingerprint],
        )

    def _dh_params(self, request: Any) -> Any:
        if not isinstance(request, functions.ReqDHParamsRequest):
            raise HandshakeError("req_DH_params was due")
        self._check_nonces(request)
        if request.public_key_fingerprint != self._key.fingerprint:
            raise HandshakeError("encrypted for another RSA key")
        if _number(request.p) != self._p or _number(request.q) != self._q:
            raise HandshakeError("pq was not factorised")
        inner = self._opened(request.encrypted_data)
        self._check_nonces(inner)
        if _number(inner.pq) != self._p * self._q or _number(inner.p) != self._p or _number(inner.q) != self._q:
            raise HandshakeError("p_q_inner_data holds other numbers")
        self._new_nonce = inner.new_nonce.to_bytes(32, "little", signed=True)
        self._secret = secrets.randbits(_EXPONENT_BITS) | 1 << (_EXPONENT_BITS - 1)
        self._retry_id = 0
        self._retries = 0
        self._next = self._dh_gen
        data = bytes(
            types.ServerDHInnerData(
                nonce=self._nonce,
                server_nonce=self._server_nonce,
                g=DH_G,
                dh_prime=DH_PRIME.to_bytes(KEY_BYTES, "big"),
                g_a=self._g_a().to_bytes(KEY_BYTES, "big"),
                server_time=int(self._now()),
            )
        )
        data = sha1(data).digest() + data
        return types.ServerDHParamsOk(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            encrypted_answer=encrypt_ige(data + os.urandom(-len(data) % 16), *self._aes()),
        )

    def _g_a(self) -> int:
        while True:
            g_a = modpow(DH_G, self._secret, DH_PRIME)
            if _SAFE_RANGE <= g_a <= DH_PRIME - _SAFE_RANGE:
                return g_a
            self._secret += 1

    def _opened(self, encrypted: bytes) -> Any:
        inner = self._key.open_inner_data(encrypted)
        if isinstance(inner, types.PQInnerData):
            return inner
        if isinstance(inner, types.PQInnerDataDc):
            if inner.dc not in (self._dc_id, -self._dc_id, 10000 + self._dc_id, -10000 - self._dc_id):
                raise HandshakeError(f"p_q_inner_data_dc names DC {inner.dc}")
            return inner
        if isinstance(inner, types.PQInnerDataTemp | types.PQInnerDataTempDc):
            raise HandshakeError("temporary keys are not made here")
        raise HandshakeError("the encrypted data is no p_q_inner_data")

    def _dh_gen(self, request: Any) -> Any:
        if not isinstance(request, functions.SetClientDHParamsRequest):
            raise HandshakeError("set_client_DH_params was due")
        self._check_nonces(request)
        inner = self._client_data(request.encrypted_data)
        self._check_nonces(inner)
        if inner.retry_id != self._retry_id:
            raise HandshakeError("retry_id does not name the key before")
        g_b = _number(inner.g_b)
        key = modpow(g_b, self._secret, DH_PRIME).to_bytes(KEY_BYTES, "big")
        fields = {"nonce": self._nonce, "server_nonce": self._server_nonce}
        if not _SAFE_RANGE <= g_b <= DH_PRIME - _SAFE_RANGE or self._retries >= _RETRIES:
            return types.DhGenFail(**fields, new_nonce_hash3=self._hash(3, key))
        if self._taken(key):
            self._retries += 1
            self._retry_id = int.from_bytes(_aux_hash(key), "little", signed=True)
            self._next = self._dh_gen
            return types.DhGenRetry(**fields, new_nonce_hash2=self._hash(2, key))
        server_nonce = self._server_nonce.to_bytes(16, "little", signed=True)
        salt = bytes(a ^ b for a, b in zip(self._new_nonce[:8], server_nonce[:8], strict=True))
        self.agreed = Agreed(key, int.from_bytes(salt, "little", signed=True))
        return types.DhGenOk(**fields, new_nonce_hash1=self._hash(1, key))

    def _client_data(self, encrypted: bytes) -> Any:
        if not encrypted or len(encrypted) % 16:
            raise HandshakeError("the encrypted data is no whole number of blocks")
        data = decrypt_ige(encrypted, *self._aes())
        try:
            inner, length = read_first(data[20:])
        except SchemaError:
            raise HandshakeError("the encrypted data cannot be read") from None
        if sha1(data[20 : 20 + length]).digest() != data[:20] or len(data) - 20 - length >= 16:
            raise HandshakeError("the hash of the encrypted data is wrong")
        if not isinstance(inner, types.ClientDHInnerData):
            raise HandshakeError("the encrypted data is no client_DH_inner_data")
        return inner

    def _check_nonces(self, received: Any) -> None:
        if received.nonce != self._nonce or received.server_nonce != self._server_nonce:
            raise HandshakeError("nonces of another handshake")

    def _aes(self) -> tuple[bytes, bytes]:
        return temporary_aes(self._new_nonce, self._server_nonce.to_bytes(16, "little", signed=True))

    def _hash(self, number: int, key: bytes) -> int:
        return _signed(nonce_hash(self._new_nonce, number, key))


def temporary_aes(new_nonce: bytes, server_nonce: bytes) -> tuple[bytes, bytes]:
    """tmp_aes_key and tmp_aes_iv, which the DH parameters travel under (step 6 of the page)."""
    a, b = sha1(new_nonce + server_nonce).digest(), sha1(server_nonce + new_nonce).digest()
    return a + b[:12], b[12:] + sha1(new_nonce + new_nonce).digest() + new_nonce[:4]


def nonce_hash(new_nonce: bytes, number: int, key: bytes) -> bytes:
    """new_nonce_hash1, 2 or 3, by which a server proves that it knows the key (step 9)."""
    return sha1(new_nonce + bytes((number,)) + _aux_hash(key)).digest()[4:]


def _aux_hash(key: bytes) -> bytes:
    return sha1(key).digest()[:8]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)
