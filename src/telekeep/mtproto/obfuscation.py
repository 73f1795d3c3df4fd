"""Obfuscated streams: AES-CTR over another transport, so that its first bytes look like noise.

core.telegram.org/mtproto/mtproto-transports#transport-obfuscation. The client's first 64 bytes hold the keys of both
directions, the server's being the same bytes backwards, and, encrypted, which transport lies underneath.
"""

from __future__ import annotations

from typing import NamedTuple

from telekeep.mtproto.cipher import CounterStream

HEADER = 64
"""Bytes a client sends first."""

_KEYS = slice(8, 56)  # key and counter of one direction; the rest is noise, and the encrypted tag
_TAG = slice(56, 60)


class Disguise(NamedTuple):
    """The two directions of an obfuscated stream, and the tag of the transport underneath."""

    incoming: CounterStream
    outgoing: CounterStream
    tag: bytes


def unmasked(header: bytes) -> Disguise:
    """What a client's first `HEADER` bytes agree on. Any 64 bytes are taken: whether ``tag`` makes sense decides."""
    keys = header[_KEYS]
    backwards = keys[::-1]
    incoming, outgoing = CounterStream(keys[:32], keys[32:]), CounterStream(backwards[:32], backwards[32:])
    return Disguise(incoming, outgoing, incoming.apply(header)[_TAG])
