"""Requests of every class the schema has, with made-up values."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from inspect import Parameter, getmembers, isclass, ismodule, signature
from typing import Any, ClassVar, ForwardRef, Union, get_args, get_origin

from telekeep.mtproto.schema import LAYER, TLObject, TLRequest, functions, method_name, types

WRAPPERS = frozenset(name for name in dir(functions) if name.startswith("Invoke") or name == "InitConnectionRequest")


def request_classes() -> Iterator[Any]:
    """Every request class of the schema, wrappers and service messages included."""
    for _, room in [("", functions), *getmembers(functions, ismodule)]:
        if room.__name__.startswith(functions.__name__):
            for _, kind in getmembers(room, isclass):
                if issubclass(kind, TLRequest) and kind is not TLRequest and kind.__module__ == room.__name__:
                    yield kind


def methods() -> dict[str, Any]:
    """The request classes by TL name, without wrappers."""
    return {method_name(kind): kind for kind in request_classes() if kind.__name__ not in WRAPPERS}


def wrapped(request: Any) -> dict[str, Any]:
    """``request`` in each of the wrappers this schema has, by the wrapper's TL name."""
    fields: dict[str, dict[str, Any]] = {
        "InvokeAfterMsg": {"msg_id": 1 << 62},
        "InvokeAfterMsgs": {"msg_ids": [1 << 62, 4]},
        "InvokeWithLayer": {"layer": LAYER},
        "InitConnection": {
            "api_id": 1,
            "device_model": "a lathe",
            "system_version": "1",
            "app_version": "2.0",
            "system_lang_code": "en",
            "lang_pack": "",
            "lang_code": "en",
        },
        "InvokeWithoutUpdates": {},
        "InvokeWithMessagesRange": {"range": types.MessageRange(1, 9)},
        "InvokeWithTakeout": {"takeout_id": 77},
        "InvokeWithBusinessConnection": {"connection_id": "c"},
        "InvokeWithGooglePlayIntegrity": {"nonce": "n", "token": "t"},
        "InvokeWithApnsSecret": {"nonce": "n", "secret": "s"},
        "InvokeWithReCaptcha": {"token": "t"},
    }
    classes = {name: getattr(functions, f"{name}Request", None) for name in fields}
    made = [kind(query=request, **fields[name]) for name, kind in classes.items() if kind is not None]
    return {method_name(type(each)): each for each in made}


def example(kind: Any, *, seed: int = 0, share: float = 0.0) -> Any:
    """An instance of a TL class. ``share``: how many of the fields that may be absent are there, 0 to 1."""
    return _Maker(random.Random(f"{kind.__name__} {seed}"), share).instance(kind, 3)


class _Maker:
    def __init__(self, chance: random.Random, share: float) -> None:
        self._chance = chance
        self._share = share

    def instance(self, kind: Any, depth: int) -> Any:
        share = self._share if depth > 0 else 0
        values = {
            name: self._value(each.annotation, name, depth - 1)
            for name, each in _parameters(kind).items()
            if each.default is Parameter.empty or name == "random_id" or self._chance.random() < share
        }
        return kind(**values)

    def _value(self, annotation: Any, name: str, depth: int) -> Any:
        annotation = _resolved(annotation)
        if get_origin(annotation) is Union:
            choices = tuple(_resolved(each) for each in get_args(annotation) if each is not type(None))
            if len(choices) == 1:
                return self._value(choices[0], name, depth)
            is_free = self._share and depth > 0
            return self.instance(self._chance.choice(choices) if is_free else _plainest(choices), depth)
        if get_origin(annotation) is list:
            many = self._chance.randrange(3) if self._share else 1
            return [self._value(get_args(annotation)[0], name, depth) for _ in range(many)]
        if name == "query":
            return functions.help.GetNearestDcRequest() if annotation is TLObject else "query"
        made = self._PLAIN.get(annotation)
        return self.instance(annotation, depth) if made is None else made(self)

    def _bool(self) -> bool:
        return bool(self._share) and self._chance.random() < 0.5

    def _date(self) -> datetime:
        return datetime.fromtimestamp(self._chance.randrange(1, 1 << 31), UTC)

    _PLAIN: ClassVar[dict[Any, Callable[[_Maker], Any]]] = {
        bool: _bool,
        int: lambda self: self._chance.randrange(1, 1 << 31),
        str: lambda self: self._chance.choice(["", "text", "Grüße 🌍", "x" * 300]),
        bytes: lambda self: self._chance.randbytes(self._chance.choice([0, 3, 16, 300])),
        float: lambda self: self._chance.random(),
        datetime: _date,
    }


def _resolved(annotation: Any) -> Any:
    """The class or Union that a name such as 'TypeInputPeer' or 'help.TypeConfig' stands for."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return _types().get(annotation.rpartition(".")[2], TLObject)
    return annotation


@cache
def _types() -> dict[str, Any]:
    """The types by name. Those of a room (account.PasswordInputSettings) have no name of their own in Telethon."""
    found: dict[str, Any] = {}
    for _, room in [*getmembers(types, ismodule), ("", types)]:
        found |= {f"Type{name}": each for name, each in vars(room).items() if _is_object(each)}
    return found | {name: each for name, each in vars(types).items() if name.startswith("Type")}


@cache
def _parameters(kind: Any) -> dict[str, Parameter]:
    return dict(signature(kind).parameters)


@cache
def _plainest(kinds: tuple[Any, ...]) -> Any:
    return min(kinds, key=lambda kind: _height(kind, 0))


@cache
def _height(kind: Any, level: int) -> int:
    """How many levels of objects an instance of ``kind`` needs."""
    if level > 6:
        return 99
    heights = [0]
    for each in _parameters(kind).values():
        annotation = _resolved(each.annotation)
        if each.default is not Parameter.empty:
            continue
        if get_origin(annotation) is list:
            annotation = _resolved(get_args(annotation)[0])
        choices = get_args(annotation) if get_origin(annotation) is Union else (annotation,)
        tall = [_height(choice, level + 1) for choice in map(_resolved, choices) if _is_object(choice)]
        if tall:
            heights.append(1 + min(tall))
    return max(heights)


def _is_object(kind: Any) -> bool:
    return isclass(kind) and issubclass(kind, TLObject)
