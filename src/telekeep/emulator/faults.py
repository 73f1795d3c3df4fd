"""Faults on command: what goes wrong with a request, for whom, how often."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from telekeep.emulator.rpc_error import RpcError

_WAITS: Final = {
    "flood": "FLOOD_WAIT",
    "premium-flood": "FLOOD_PREMIUM_WAIT",
    "slowmode": "SLOWMODE_WAIT",
    "takeout": "TAKEOUT_INIT_DELAY",
}
_ENDS: Final = {
    "revoke": RpcError(401, "SESSION_REVOKED"),
    "unregister": RpcError(401, "AUTH_KEY_UNREGISTERED"),
    "expire": RpcError(401, "SESSION_EXPIRED"),
    "ban": RpcError(401, "USER_DEACTIVATED_BAN"),
    "duplicated": RpcError(406, "AUTH_KEY_DUPLICATED"),
}
_OTHERS: Final = ("forget", "error", "migrate", "drop-before", "drop-after", "delay", "close", "bad-salt")
KINDS: Final = (*_WAITS, *_ENDS, *_OTHERS)
SECONDS: Final = 30.0

# Asked by every client while it connects: a fault without a method waits for the program's own request.
_SPARED: Final = "help.getConfig"

# Requests that name a phone number which need not have an account yet.
BEFORE_AN_ACCOUNT: Final = frozenset(
    f"auth.{name}"
    for name in ("sendCode", "resendCode", "cancelCode", "signIn", "signUp", "requestFirebaseSms", "reportMissingCode")
)


@dataclass(slots=True)
class Fault:
    """One fault that waits for its requests.

    ``phone``: only for this account, or for requests that name this number; None for all. ``method``: only for this TL
    method (``users.getUsers``); None for all but ``help.getConfig``. ``times``: how many requests are left.
    """

    kind: str
    phone: str | None
    method: str | None
    seconds: float
    times: int
    error: RpcError

    @property
    def ends(self) -> bool:
        """Whether it ends the login instead of spoiling a request."""
        return self.kind in _ENDS or self.kind == "forget"

    def _meets(self, method: str, phones: tuple[str, ...]) -> bool:
        if self.method is not None:
            if self.method != method:
                return False
        elif method == _SPARED:
            return False
        return self.phone is None or self.phone in phones


def make(
    kind: str,
    *,
    phone: str | None = None,
    method: str | None = None,
    seconds: float | None = None,
    times: int = 1,
    code: int | None = None,
    message: str | None = None,
) -> Fault:
    """A fault of one of `KINDS`. ``code`` and ``message`` word an ``error``: 500 RPC_CALL_FAIL by default.

    ``seconds`` is what a wait asks for (in whole seconds on the wire, rounded up), or how long a delay lasts. Raises
    ValueError for an unknown kind and impossible numbers.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")
    seconds = SECONDS if seconds is None else seconds
    if seconds < 0 or times < 1:
        raise ValueError("a fault needs a positive number of times, and no negative number of seconds")
    if kind in _WAITS:
        error = RpcError(420, f"{_WAITS[kind]}_{ceil(seconds)}")
    else:
        error = _ENDS.get(kind) or RpcError(code or 500, message or "RPC_CALL_FAIL")
    return Fault(kind, phone_digits(phone), method, seconds, times, error)


def phone_digits(phone: str | None) -> str | None:
    """A phone number as Telegram stores it: digits only."""
    return None if phone is None else "".join(filter(str.isdigit, phone))


class Faults:
    """Those that are set, the oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, method: str, *phones: str | None) -> Fault | None:
        """The fault this request meets, if any; one of its times is used up."""
        known = tuple(digits for phone in phones if (digits := phone_digits(phone)))
        for fault in self._waiting:
            if fault._meets(method, known):
                self.spend(fault)
                return fault
        return None

    def spend(self, fault: Fault) -> None:
        """Use up one of its times."""
        fault.times -= 1
        if fault.times <= 0 and fault in self._waiting:
            self._waiting.remove(fault)
