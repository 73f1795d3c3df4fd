"""The only door to Telethon's TL classes. Everyone else takes types, functions and readers from here.

What Telethon leaves open is closed here: parsing is whole (nothing may be left over) and bounded (depth, inflated
size), results that are no TL object (bool, vectors) have one way to be packed, and a constructor may be called with
fields that only newer schemas know.
"""

from __future__ import annotations

import inspect
import struct
import zlib
from collections.abc import Iterable
from functools import cache
from typing import Any

from telethon import password as _password
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import TLObject, TLRequest, functions, types
from telethon.tl.alltlobjects import LAYER, tlobjects

__all__ = [
    "DH_G",
    "DH_PRIME",
    "GZIP_PACKED",
    "LAYER",
    "MSG_CONTAINER",
    "RPC_RESULT",
    "VECTOR",
    "SchemaError",
    "TLObject",
    "TLRequest",
    "build",
    "functions",
    "inflate",
    "method_name",
    "pack",
    "password_digest",
    "read",
    "read_first",
    "types",
    "vector",
]

VECTOR = 0x1CB5C415
MSG_CONTAINER = 0x73F1F8DC
GZIP_PACKED = 0x3072CFA1
RPC_RESULT = 0xF35C6D01

_BOOL = {True: struct.pack("<I", 0x997275B5), False: struct.pack("<I", 0xBC799737)}
_DEPTH = 64  # the deepest real request has about ten levels
_OBJECTS = 1_000_000  # a million small ones take seconds to read
_INFLATED = 1 << 24  # Telegram's own limit of a packet is 16 MiB

# The 2048-bit safe prime of Telegram's own servers, with its generator: the pair every client knows by heart
# (telethon.password accepts it without searching, TDLib and others compare it byte for byte).
DH_G = 3
DH_PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4dbfa336f6e0ac92513"
    "9543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc4988"
    "0708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4"
    "b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f"
    "0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)


class SchemaError(ValueError):
    """Bytes that are no TL object of this schema: unknown constructor, cut short, left over, too deep, too large.

    ``constructor`` is the one that is not known, None where something else is wrong.
    """

    def __init__(self, message: str, *, constructor: int | None = None) -> None:
        super().__init__(message)
        self.constructor = constructor


class _Reader(BinaryReader):  # type: ignore[misc]  # Telethon carries no types
    """Telethon's reader with bounds: ``objects`` in all, nested to `_DEPTH`; gzip_packed inflated to `_INFLATED`."""

    def __init__(self, data: bytes, objects: int = _OBJECTS) -> None:
        super().__init__(data)
        self._depth = 0
        self._room = _INFLATED
        self._objects = objects

    def tgread_object(self) -> Any:
        self._objects -= 1
        if self._objects < 0:
            raise SchemaError("too many objects")
        self._depth += 1
        if self._depth > _DEPTH:
            raise SchemaError(f"more than {_DEPTH} levels of objects within each other")
        constructor = self.read_int(signed=False)
        known = tlobjects.get(constructor)
        if known is not None:
            found = known.from_reader(self)
        elif constructor == GZIP_PACKED:
            found = self._unpacked(inflate(self.tgread_bytes(), limit=self._room))
        else:
            self.seek(-4)
            found = super().tgread_object()
            if isinstance(found, TLObject):  # message containers and RPC results: never inside another object
                raise SchemaError("a message inside an object", constructor=constructor)
        self._depth -= 1
        return found

    def _unpacked(self, data: bytes) -> Any:
        self._room -= len(data)
        inner = _Reader(data, self._objects)
        inner._depth, inner._room = self._depth, self._room
        found = inner.tgread_object()
        self._objects = inner._objects
        if inner.tell_position() != len(data):
            raise SchemaError("bytes left over inside gzip_packed")
        return found


def read(body: bytes, *, objects: int = _OBJECTS) -> Any:
    """The one object that ``body`` holds, whole, made of at most ``objects``. Raises SchemaError for all else."""
    found, length = read_first(body, objects=objects)
    if length != len(body):
        raise SchemaError("bytes left over after the object")
    return found


def read_first(data: bytes, *, objects: int = _OBJECTS) -> tuple[Any, int]:
    """The object that ``data`` begins with, and its length. Raises SchemaError."""
    reader = _Reader(data, objects)
    try:
        found = reader.tgread_object()
    except SchemaError:
        raise
    except TypeNotFoundError as error:
        constructor = error.invalid_constructor_id
        raise SchemaError(f"constructor {constructor:08x} is not known", constructor=constructor) from None
    except (BufferError, struct.error, RuntimeError, ValueError, OverflowError, IndexError) as error:
        raise SchemaError(f"cannot be read: {type(error).__name__}") from None
    return found, reader.tell_position()


def inflate(data: bytes, *, limit: int = _INFLATED) -> bytes:
    """Unpack gzip data of at most ``limit`` bytes. Raises SchemaError if it is none, cut short, or larger."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        unpacked = inflater.decompress(data, max(limit, 0) + 1)
    except zlib.error:
        raise SchemaError("gzip_packed holds no gzip data") from None
    if len(unpacked) > limit:
        raise SchemaError(f"gzip_packed holds more than {limit} bytes")
    if not inflater.eof or inflater.unused_data:
        raise SchemaError("gzip_packed is cut short or followed by something")
    return unpacked


def pack(result: Any) -> bytes:
    """The bytes of an RPC result: a TL object, a bool, bytes ready made, or a list of TL objects (a Vector)."""
    if isinstance(result, bool):
        return _BOOL[result]
    if isinstance(result, bytes):
        return result
    if isinstance(result, list):
        return vector(result)
    return bytes(result)


def vector(items: Iterable[Any]) -> bytes:
    """A boxed Vector. Integers are packed as long, the only bare integer vector among results that is still used."""
    packed = [struct.pack("<q", item) if isinstance(item, int) else bytes(item) for item in items]
    return struct.pack("<Ii", VECTOR, len(packed)) + b"".join(packed)


_method_names: dict[Any, str] = {}


def method_name(request: Any) -> str:
    """The TL name of a request class: ``users.getUsers`` for ``functions.users.GetUsersRequest``."""
    known = _method_names.get(request)
    if known is None:
        known = _method_names[request] = _named(request)
    return known


def _named(request: Any) -> str:
    bare = request.__name__.removesuffix("Request")
    name = bare[:1].lower() + bare[1:]
    room = request.__module__.rpartition(".")[2]
    return name if room == "functions" else f"{room}.{name}"


@cache
def _fields(constructor: Any) -> frozenset[str]:
    return frozenset(inspect.signature(constructor).parameters)


def build(constructor: Any, **fields: Any) -> Any:
    """``constructor(**fields)`` without those fields that this schema's version of it does not have."""
    known = _fields(constructor)
    return constructor(**{name: value for name, value in fields.items() if name in known})


def password_digest(algorithm: Any, password: str) -> bytes:
    """x of SRP: the salted hash of a two-step verification password (core.telegram.org/api/srp)."""
    digest: bytes = _password.compute_hash(algorithm, password)
    return digest
