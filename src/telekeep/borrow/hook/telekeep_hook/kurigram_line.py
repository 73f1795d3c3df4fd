"""Where the connections of a kurigram client on a loan go, and the RSA key they know the gateway by."""

from __future__ import annotations

import inspect
from base64 import b64decode
from hashlib import sha1
from typing import Any


def guarded(kind: Any, plan: dict[str, Any]) -> Any:
    """A connection class, of kurigram's ``kind``, that goes to the gateway's address of the data center it is told,
    itself. What else it is told, by a configuration, a session or the program, is not looked at.
    """
    signature = inspect.signature(kind.__init__)
    places = {each["id"]: each for each in plan["dcs"]}

    class ConnectionToGateway(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            given = signature.bind(self, *args, **options).arguments
            place = places.get(given["dc_id"])
            if place is None:
                raise ConnectionError("a loan is worth nothing but at its gateway")
            given.update(server_address=place["host"], port=place["port"])
            given.pop("proxy", None)
            given.pop("self")
            super().__init__(**given)

    return ConnectionToGateway


class Quiet:
    """A client as its connections for files see it: what happens is told on the main one, once."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def handle_updates(self, updates: Any) -> None:
        """Hear nothing."""


def rsa_key(pem: str) -> tuple[int, int, int]:
    """Modulus, exponent and fingerprint of a PKCS#1 public key; the last as kurigram has it, signed.

    core.telegram.org/mtproto/auth_key#dh-exchange-initiation: the lower 64 bits of the SHA-1 of both, as TL strings.
    """
    der = b64decode("".join(pem.strip().splitlines()[1:-1]))
    body, _ = _element(der, 0x30)
    modulus, rest = _element(body, 0x02)
    exponent, _ = _element(rest, 0x02)
    numbers = [each.lstrip(b"\0") for each in (modulus, exponent)]
    digest = sha1(b"".join(map(_tl_bytes, numbers))).digest()
    n, e = (int.from_bytes(each, "big") for each in numbers)
    return n, e, int.from_bytes(digest[-8:], "little", signed=True)


def _element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first element, and what follows it."""
    size, start = der[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[2:start], "big")
    if der[0] != tag:
        raise ValueError("the gateway's RSA key is not in PKCS#1")
    return der[start : start + size], der[start + size :]


def _tl_bytes(data: bytes) -> bytes:
    head = bytes([len(data)]) if len(data) < 254 else b"\xfe" + len(data).to_bytes(3, "little")
    return head + data + bytes(-(len(head) + len(data)) % 4)
