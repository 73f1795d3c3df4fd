"""What a loan may do: a profile or a list of TL methods, and the judgement of each request by it.

The judgement is by the loan's grant alone; what a program says of itself has no part in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, lru_cache
from inspect import getmembers, isclass
from types import ModuleType
from typing import Any, Final, Self

from telekeep.errors import ConfigError
from telekeep.gateway.asked import Asked, Refused
from telekeep.gateway.methods import LOCAL, READS, TAKEOUT, never, only_reads
from telekeep.gateway.peers import names_service_chat, objects_in
from telekeep.mtproto.schema import TLRequest, functions, method_name, types

PROFILES: Final = ("full", "read-only", "archive")

# Wrappers that say nothing a grant must care about. Any other needs the right to take out, or is refused.
_HARMLESS = frozenset(
    {"invokeAfterMsg", "invokeAfterMsgs", "invokeWithLayer", "initConnection", "invokeWithoutUpdates"}
)
_OF_TAKEOUT = frozenset({"invokeWithTakeout", "invokeWithMessagesRange"})

# Fields that agree to pay with Telegram Stars, and objects that do.
_PAYS = ("allow_paid_stars", "allow_paid_floodskip")
_STAKE = getattr(types, "InputMediaStakeDice", None)
_POST = getattr(types, "SuggestedPost", None)
_PASSWORDS = (types.InputCheckPasswordSRP, types.InputCheckPasswordEmpty)

# These answer with the words of a message that is named by its number only, and so cannot be redacted. Numbers are
# counted per channel, and per account for all other chats: there one could be the service chat's.
_BY_NUMBER = frozenset({"messages.translateText", "messages.summarizeText", "messages.translateRichMessage"})


@dataclass(frozen=True)
class Grant:
    """A profile, or an allow-list of methods (``messages.getHistory``) and rooms (``users.*``).

    ``full``: all but what is never granted. ``read-only``: what changes nothing, not even presence or read marks.
    ``archive``: read-only, and takeouts. With a list a program can also ask who it is, and where the updates stand.
    """

    text: str
    _names: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    _rooms: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    _decided: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The grant that ``text`` names. Raises ConfigError for what is misspelt, unknown or never granted."""
        items = [item.strip() for item in text.split(",")]
        if len(items) == 1 and items[0] in PROFILES:
            return cls(items[0])
        names, rooms = set(), set()
        for item in items:
            _check(item, alone=len(items) == 1)
            if item.endswith(".*"):
                rooms.add(item.removesuffix(".*"))
            else:
                names.add(item)
        return cls(",".join(items), frozenset(names), frozenset(rooms))

    def __str__(self) -> str:
        return self.text

    @property
    def hears_updates(self) -> bool:
        """Whether the loan may receive updates: they hold what others write. A list must name ``updates.*``."""
        return self.text in PROFILES or "updates" in self._rooms or not self._names.isdisjoint(_HEARING)

    def judge(self, asked: Asked) -> None:
        """Raise Refused (403) for what this grant does not allow: a wrapper, the method, or something it carries."""
        method, request = asked.method, asked.request
        for wrapper in asked.wrappers:
            if wrapper not in _HARMLESS and not (wrapper in _OF_TAKEOUT and self._takes_out):
                raise _refusal(f"{wrapper}_{method}")
        if not (self._allows(method, request) or _who_am_i(method, request)):
            raise _refusal(method)
        _check_carried(method, request)

    def _allows(self, method: str, request: Any) -> bool:
        decided = self._decided.get(method)
        if decided is None:
            decided = self._decided[method] = self._decide(method)
        if decided and self.text in _READING and method in READS:
            return only_reads(method, request)
        return decided

    def _decide(self, method: str) -> bool:
        if never(method) is not None:
            return False
        if method in LOCAL or self.text == "full":
            return True
        if self.text in _READING:
            return method in READS or (self._takes_out and method in TAKEOUT)
        return method in self._names or method.partition(".")[0] in self._rooms

    @property
    def _takes_out(self) -> bool:
        return self.text in ("full", "archive") or "account" in self._rooms or not self._names.isdisjoint(TAKEOUT)


_READING = ("read-only", "archive")
_HEARING = frozenset({"updates.getDifference", "updates.getChannelDifference"})


@lru_cache(maxsize=256)
def granted(text: str) -> Grant:
    """The grant of a loan, by its text."""
    return Grant.parse(text)


def _refusal(what: str) -> Refused:
    return Refused(403, f"NOT_GRANTED_{what}")


def _who_am_i(method: str, request: Any) -> bool:
    """Every client asks this when it starts, and takes a refusal for a dead session."""
    return method == "users.getUsers" and all(type(user) is types.InputUserSelf for user in request.id)


def _check_carried(method: str, request: Any) -> None:
    for each in objects_in(request):
        if names_service_chat(each):
            raise _refusal(f"SERVICE_CHAT_{method}")
        if any(getattr(each, pays, None) for pays in _PAYS) or type(each) is _STAKE:
            raise _refusal(f"PAYMENT_{method}")
        if type(each) is _POST and each.price is not None:
            raise _refusal(f"PAYMENT_{method}")
        if isinstance(each, _PASSWORDS):
            raise _refusal(f"PASSWORD_{method}")
        if each is not request and isinstance(each, TLRequest):
            raise Refused(400, f"INPUT_CONSTRUCTOR_INVALID_{each.CONSTRUCTOR_ID:08X}")
    if method in _BY_NUMBER and _is_of_no_channel(getattr(request, "peer", None)):
        raise _refusal(f"SERVICE_CHAT_{method}")
    if isinstance(getattr(request, "from_peer", None), types.InputPeerEmpty):  # forwards, from wherever the number is
        raise _refusal(f"SERVICE_CHAT_{method}")


def _is_of_no_channel(peer: Any) -> bool:
    return peer is not None and not isinstance(peer, (types.InputPeerChannel, types.InputPeerChannelFromMessage))


# ---- what a person wrote


def _check(item: str, *, alone: bool) -> None:
    """Raise ConfigError unless ``item`` of an allow-list names something that can be granted."""
    if item in PROFILES:
        raise ConfigError(f"The profile {item!r} stands alone.", remedy=f"Say --grant {item}, or list methods only.")
    room, dot, name = item.partition(".")
    methods = _methods()
    if not dot or not name:
        raise _unknown(item, (*PROFILES, *methods, *_patterns()) if alone else (*methods, *_patterns()))
    if name == "*":
        mine = [method for method in methods if method.startswith(f"{room}.")]
        if not mine:
            raise _unknown(item, _patterns())
        if all(never(method) is not None or method in LOCAL for method in mine) and room != "updates":
            raise ConfigError(
                f"Nothing of {item} is ever granted: {never(mine[0]) or never(mine[-1])}.", remedy=_USE_OWNER
            )
        return
    if item not in methods:
        raise _unknown(item, methods)
    reason = never(item)
    if reason is not None:
        raise ConfigError(f"{item} is never granted: {reason}.", remedy=_USE_OWNER)


_USE_OWNER = "Leave it out; what only the owner may do is done with `telekeep` itself or in a Telegram app."


def _unknown(item: str, known: tuple[str, ...]) -> ConfigError:
    if not item:
        message = "A grant has an empty place where a method should stand."
    else:
        message = f"{item!r} is no profile, method or room of the Telegram API."
    lowered = {each.lower(): each for each in known}
    likely = [lowered[each] for each in get_close_matches(item.lower(), lowered, n=1, cutoff=0.6)] if item else []
    remedy = f"Did you mean {likely[0]}? " if likely else ""
    return ConfigError(
        message,
        remedy=f"{remedy}A grant is {', '.join(PROFILES)}, or a list such as messages.getHistory,users.*",
    )


@cache
def _methods() -> tuple[str, ...]:
    """The names of all methods of this release's schema, and of those that a table of ours has."""
    rooms = [functions, *(room for _, room in getmembers(functions) if isinstance(room, ModuleType))]
    found = set(LOCAL | READS)
    for room in rooms:
        if room.__name__.startswith(functions.__name__):
            for _, kind in getmembers(room, isclass):
                if issubclass(kind, TLRequest) and room is not functions and kind is not TLRequest:
                    found.add(method_name(kind))
    return tuple(sorted(found))


@cache
def _patterns() -> tuple[str, ...]:
    return tuple(sorted({f"{method.partition('.')[0]}.*" for method in _methods() if "." in method}))
