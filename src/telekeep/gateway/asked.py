"""What a borrower asks: a request parsed whole, taken out of its wrappers, and written anew by us.

Received bytes are never sent on. They are parsed and written again, and unless that gives the same bytes the request is
refused: so unknown flag bits, bytes left over, text that is no UTF-8 and packed objects inside objects do not exist
behind this file (facts.md, trap 14).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from telekeep.mtproto.schema import GZIP_PACKED, LAYER, SchemaError, TLRequest, functions, method_name, read

LARGEST: Final = 1 << 20  # bytes; Telegram closes the connection that carries a larger one (Telethon: 1,044,448)
_OBJECTS = 12_000  # in one request: contacts.importContacts has one for each contact, and clients ask for 5,000 at most
_DEPTH = 16  # wrappers around one request; real clients use up to four


class Refused(Exception):
    """The RPC error a borrower is answered with: ``Refused(400, "INPUT_FETCH_FAIL")``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Application(NamedTuple):
    """What a program says of itself in initConnection. For display, and for the code of an error at most: what it may
    do is the loan's alone.
    """

    device_model: str
    app_version: str


@dataclass(slots=True, eq=False)
class Asked:
    """One request of a borrower.

    ``request``: the leaf, inside all wrappers. ``method``: its TL name. ``layer``: what invokeWithLayer said, None
    without one. ``initial``: it came in initConnection. ``after``: ids of messages that must be carried out first, of
    the borrower's own MTProto session. ``wrappers``: TL names, the outermost first. ``body``: our own serialisation of
    what may be sent on: the leaf, within invokeWithTakeout and invokeWithMessagesRange if it came in those.
    """

    request: Any
    method: str
    layer: int | None
    initial: bool
    application: Application | None
    wants_updates: bool
    after: tuple[int, ...]
    wrappers: tuple[str, ...]
    body: bytes = field(repr=False)
    _kept: tuple[Any, ...] = field(default=(), repr=False)

    def repack(self) -> None:
        """Write ``body`` anew, after the leaf was changed."""
        packed = self.request
        for wrapper in reversed(self._kept):
            wrapper.query = packed
            packed = wrapper
        self.body = bytes(packed)


def asked(body: bytes) -> Asked:
    """The request that ``body`` holds. Raises Refused for everything that is not exactly one."""
    if len(body) > LARGEST:
        raise Refused(400, "INPUT_TOO_LONG")
    _check_layer(body)
    _check_unpacked(body)
    request, packed = _rewritten(body)
    kind = type(request)
    if kind in _PEELS:
        return _peeled(request)
    return Asked(request, method_name(kind), None, False, None, True, (), (), packed)


def _rewritten(body: bytes) -> tuple[Any, bytes]:
    try:
        request = read(body, objects=_OBJECTS)
        if not isinstance(request, TLRequest):
            raise Refused(400, "INPUT_METHOD_INVALID")
        packed = bytes(request)
    except SchemaError as error:
        if error.constructor is not None:
            raise Refused(400, f"INPUT_CONSTRUCTOR_INVALID_{error.constructor:08X}") from None
        raise Refused(400, "INPUT_FETCH_FAIL") from None
    except _NOT_WRITABLE:
        raise Refused(400, "INPUT_FETCH_FAIL") from None
    if packed != body:
        raise Refused(400, "INPUT_FETCH_FAIL")
    return request, packed


# What Telethon raises for a list, a bool or nothing where an object belongs.
_NOT_WRITABLE = (TypeError, AttributeError, AssertionError, ValueError, OverflowError, struct.error)


# ---- looked at before anything is parsed


def _check_layer(body: bytes) -> None:
    """A program of another release is told so, and not that a constructor is unknown."""
    if body[:4] == _WITH_LAYER and len(body) >= 8:
        _same_layer(int.from_bytes(body[4:8], "little", signed=True))


def _same_layer(layer: int) -> None:
    if layer != LAYER:  # it was translated before it came here, or could not be
        raise Refused(400, f"CONNECTION_LAYER_INVALID: this loan speaks layer {LAYER}, the program layer {layer}")


def _check_unpacked(body: bytes) -> None:
    """Refuse gzip_packed at any level before it is inflated: a few kB could keep the parser busy for seconds.

    The transport has unpacked what may be packed, the message as a whole. Data can look like gzip_packed by accident
    once in 2^48 places; the parts of an uploaded file, which anyone may choose, hold no objects and are not searched.
    """
    if body[:4] not in _PARTS and _GZIP in body and _PACKED.search(body):
        raise Refused(400, f"INPUT_CONSTRUCTOR_INVALID_{GZIP_PACKED:08X}")


def _id(request: Any) -> bytes:
    return struct.pack("<I", request.CONSTRUCTOR_ID)


_WITH_LAYER = _id(functions.InvokeWithLayerRequest)
_PARTS = frozenset({_id(functions.upload.SaveFilePartRequest), _id(functions.upload.SaveBigFilePartRequest)})
_GZIP = struct.pack("<I", GZIP_PACKED)
# the constructor, the length of what follows in one byte or in four, and what every gzip stream begins with
_PACKED = re.compile(re.escape(_GZIP) + rb"(?:\xfe...|[^\xfe\xff])\x1f\x8b", re.DOTALL)


# ---- wrappers


def _peeled(outermost: Any) -> Asked:
    found = Asked(None, "", None, False, None, True, (), (), b"")
    wrappers: list[str] = []
    kept: list[Any] = []
    request = outermost
    while (peel := _PEELS.get(type(request))) is not None:
        if len(wrappers) == _DEPTH:
            raise Refused(400, "INPUT_REQUEST_TOO_DEEP")
        name = method_name(type(request))
        if name in wrappers and not name.startswith("invokeAfterMsg"):
            raise Refused(400, f"INPUT_METHOD_INVALID: {name} twice around one request")
        wrappers.append(name)
        peel(found, request)
        if name in KEPT:
            kept.append(request)
        request = request.query
    if not isinstance(request, TLRequest):
        raise Refused(400, "INPUT_METHOD_INVALID")
    found.request, found.method = request, method_name(type(request))
    found.wrappers, found._kept = tuple(wrappers), tuple(kept)
    found.repack()
    return found


def _layer(found: Asked, wrapper: Any) -> None:
    _same_layer(wrapper.layer)
    found.layer = wrapper.layer


def _init(found: Asked, wrapper: Any) -> None:
    found.initial = True
    found.application = Application(wrapper.device_model, wrapper.app_version)


def _without_updates(found: Asked, _wrapper: Any) -> None:
    found.wants_updates = False


def _after(found: Asked, wrapper: Any) -> None:
    found.after += (wrapper.msg_id,)


def _after_all(found: Asked, wrapper: Any) -> None:
    found.after += tuple(wrapper.msg_ids)


def _named_only(_found: Asked, _wrapper: Any) -> None:
    """It is in `Asked.wrappers`; the grant judges it."""


# All others are stripped: they speak of the borrower's own connection, or are refused by every grant.
KEPT: Final = frozenset({"invokeWithTakeout", "invokeWithMessagesRange"})

_NAMED: Final[dict[str, Callable[[Asked, Any], None]]] = {
    "InvokeWithLayer": _layer,
    "InitConnection": _init,
    "InvokeWithoutUpdates": _without_updates,
    "InvokeAfterMsg": _after,
    "InvokeAfterMsgs": _after_all,
    "InvokeWithTakeout": _named_only,
    "InvokeWithMessagesRange": _named_only,
    "InvokeWithBusinessConnection": _named_only,
    "InvokeWithGooglePlayIntegrity": _named_only,
    "InvokeWithApnsSecret": _named_only,
    "InvokeWithReCaptcha": _named_only,
}
# by name, because older schemas lack some of them
_PEELS: Final[dict[Any, Callable[[Asked, Any], None]]] = {
    getattr(functions, f"{name}Request"): peel for name, peel in _NAMED.items() if hasattr(functions, f"{name}Request")
}
