"""Peeling a request out of what it was sent in: invokeWithLayer, initConnection and their kin.

Pure: what the wrappers say is collected in an `Envelope`; the front decides what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from telekeep.emulator.authorization import Application
from telekeep.emulator.rpc_error import RpcError
from telekeep.mtproto.schema import LAYER, TLRequest, functions, types

_DEPTH = 16  # wrappers around one request; real clients use up to four
_OLDEST = 23  # invokeWithLayer itself came with about this layer


@dataclass(slots=True, eq=False)
class Envelope:
    """What the wrappers around a request said."""

    layer: int | None = None
    application: Application | None = None
    wants_updates: bool = True
    after: tuple[int, ...] = ()
    takeout_id: int | None = None
    messages_range: tuple[int, int] | None = None


PLAIN: Final = Envelope()  # of a request that came in none


def unwrapped(request: Any) -> tuple[Any, Envelope]:
    """The request inside all wrappers, and what they said. Raises RpcError for what no server would take."""
    envelope = PLAIN
    for _ in range(_DEPTH + 1):
        peel = _PEELS.get(type(request))
        if peel is None:
            if not isinstance(request, TLRequest):
                raise RpcError(400, "INPUT_METHOD_INVALID")
            return request, envelope
        if envelope is PLAIN:
            envelope = Envelope()
        peel(envelope, request)
        request = request.query
    raise RpcError(400, "INPUT_REQUEST_TOO_DEEP")


def _layer(envelope: Envelope, wrapper: Any) -> None:
    if not _OLDEST <= wrapper.layer <= LAYER:
        raise RpcError(400, "CONNECTION_LAYER_INVALID")
    envelope.layer = wrapper.layer


def _init(envelope: Envelope, wrapper: Any) -> None:
    if wrapper.api_id <= 0:
        raise RpcError(400, "CONNECTION_API_ID_INVALID")
    for value, error in (
        (wrapper.device_model, "CONNECTION_DEVICE_MODEL_EMPTY"),
        (wrapper.system_version, "CONNECTION_SYSTEM_EMPTY"),
        (wrapper.app_version, "CONNECTION_APP_VERSION_EMPTY"),
    ):
        if not value:
            raise RpcError(400, error)
    envelope.application = Application(
        api_id=wrapper.api_id,
        device_model=wrapper.device_model,
        system_version=wrapper.system_version,
        app_version=wrapper.app_version,
        system_lang_code=wrapper.system_lang_code,
        lang_pack=wrapper.lang_pack,
        lang_code=wrapper.lang_code,
    )


def _without_updates(envelope: Envelope, _wrapper: Any) -> None:
    envelope.wants_updates = False


def _after(envelope: Envelope, wrapper: Any) -> None:
    envelope.after += (wrapper.msg_id,)


def _after_all(envelope: Envelope, wrapper: Any) -> None:
    envelope.after += tuple(wrapper.msg_ids)


def _takeout(envelope: Envelope, wrapper: Any) -> None:
    envelope.takeout_id = wrapper.takeout_id


def _range(envelope: Envelope, wrapper: Any) -> None:
    if not isinstance(wrapper.range, types.MessageRange):
        raise RpcError(400, "RANGES_INVALID")
    envelope.messages_range = wrapper.range.min_id, wrapper.range.max_id


def _business(_envelope: Envelope, _wrapper: Any) -> None:
    raise RpcError(400, "CONNECTION_ID_INVALID")  # there are no business connections here


def _ignored(_envelope: Envelope, _wrapper: Any) -> None:
    """Proofs that a phone or a person is real: any is taken."""


_NAMED: Final[dict[str, Callable[[Envelope, Any], None]]] = {
    "InvokeWithLayer": _layer,
    "InitConnection": _init,
    "InvokeWithoutUpdates": _without_updates,
    "InvokeAfterMsg": _after,
    "InvokeAfterMsgs": _after_all,
    "InvokeWithTakeout": _takeout,
    "InvokeWithMessagesRange": _range,
    "InvokeWithBusinessConnection": _business,
    "InvokeWithGooglePlayIntegrity": _ignored,
    "InvokeWithApnsSecret": _ignored,
    "InvokeWithReCaptcha": _ignored,
}
# by name, because older schemas lack some of them
_PEELS: Final[dict[Any, Callable[[Envelope, Any], None]]] = {
    getattr(functions, f"{name}Request"): peel for name, peel in _NAMED.items() if hasattr(functions, f"{name}Request")
}
