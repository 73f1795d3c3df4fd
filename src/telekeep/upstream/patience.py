"""What a held client does about waits and trouble: it asks the ledger before each request, waits short floods out in
the open, raises long ones at once, and repeats what Telegram could not carry out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from telethon import errors

from telekeep.clock import Clock
from telekeep.errors import TelegramRateLimitError
from telekeep.events import Events, Flooded
from telekeep.pace.backoff import Backoff
from telekeep.pace.gate import Gate
from telekeep.pace.policy import Wait
from telekeep.pace.waiting import wait_out
from telekeep.upstream.faults import Kind, flood_wait, judge
from telekeep.upstream.limited import chat_of, leaves, method_of
from telekeep.words import span, timeline

_log = logging.getLogger(__name__)

_TEXTS: dict[type[BaseException], str] = {
    errors.FloodWaitError: "FLOOD_WAIT",
    errors.FloodPremiumWaitError: "FLOOD_PREMIUM_WAIT",
    errors.FloodTestPhoneWaitError: "FLOOD_TEST_PHONE_WAIT",
    errors.SlowModeWaitError: "SLOWMODE_WAIT",
    errors.TakeoutInitDelayError: "TAKEOUT_INIT_DELAY",
    errors.TwoFaConfirmWaitError: "2FA_CONFIRM_WAIT",
    errors.PasswordTooFreshError: "PASSWORD_TOO_FRESH",
    errors.SessionTooFreshError: "SESSION_TOO_FRESH",
}
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 10.0  # of the pauses after trouble of Telegram's own


class Patience:
    """One client's. ``name``: that of the session."""

    def __init__(self, gate: Gate, *, name: str, clock: Clock, events: Events) -> None:
        self.gate = gate
        self._name = name
        self._clock = clock
        self._events = events

    async def before(self, request: Any, longest: float) -> None:
        """Wait until ``request`` may be sent. Raises FloodWait and its kin (which are Telethon's too) if that takes
        longer than ``longest`` seconds. Telegram is not asked.
        """
        for each in leaves(request):
            await self.obey(each, longest)
            pause = self.gate.pause(method_of(each))
            if pause:
                await self._clock.sleep(pause)

    async def obey(self, request: Any, longest: float) -> None:
        """The same for a single request that is not sent now: only what Telegram has said counts."""
        method, chat = method_of(request), chat_of(request)
        while (closed := self.gate.closed(method, chat)) is not None:
            if closed.seconds > longest:
                raise flood_wait(
                    closed.text, seconds=closed.seconds, until=closed.until, method=method, request=request
                )
            await self._wait(method, closed.seconds, closed.until)

    async def _wait(self, method: str, seconds: float, until: float) -> None:
        _log.warning(
            "%r waits %s before the next %s, as Telegram asked: %s.",
            self._name, span(seconds), method, timeline(seconds, until),
        )  # fmt: skip
        await wait_out(self._events, self._clock, self._name, method, seconds, until)

    def note(self, error: BaseException, request: Any) -> float:
        """Put what ``error`` says about waiting on disk. The longest wait in it, 0 if there is none. Seconds."""
        longest = 0.0
        for each, asked in _each(error, request):
            text = _TEXTS.get(type(each))
            if text is None:
                continue
            wait = Wait(text, max(1.0, float(vars(each)["seconds"])))
            method = method_of(asked)
            self.gate.note(method, wait, chat_of(next(leaves(asked))))
            now = self._clock.wall()
            self._events.report(Flooded(self._name, now, method, wait.seconds, now + wait.seconds))
            longest = max(longest, wait.seconds)
        return longest

    def told(self, error: Exception, request: Any) -> Exception:
        """What to raise for a wait: Telethon's error and ours in one."""
        text = _TEXTS.get(type(error))
        if text is None:
            return error
        seconds = max(1.0, float(vars(error)["seconds"]))
        until = self._clock.wall() + seconds
        both: TelegramRateLimitError = flood_wait(
            text, seconds=seconds, until=until, method=method_of(request), request=getattr(error, "request", request)
        )
        return both

    def pause(self, error: Exception, request: Any, failed: int, *, attempts: int | None) -> float | None:
        """Seconds until ``request`` is tried again after ``failed`` attempts that ended with trouble of Telegram's own;
        None if it is not.
        """
        if not isinstance(error, errors.RPCError) or judge(error, clock=self._clock).kind is not Kind.TRANSIENT:
            return None
        if isinstance(error, errors.TimedOutError) and not all(map(_is_safe, leaves(request))):
            return None  # Telegram itself does not know whether it was carried out
        return Backoff(attempts=attempts, first=_FIRST_SECONDS, cap=_LONGEST_SECONDS).pause(failed)


def _each(error: BaseException, request: Any) -> Iterator[tuple[BaseException, Any]]:
    """An error and its request, or several of a request that is a list."""
    if type(error) is errors.MultiError:
        found = vars(error)
        yield from ((each, asked) for each, asked in zip(found["exceptions"], found["requests"], strict=True) if each)
    else:
        yield error, request


def _is_safe(request: Any) -> bool:
    """Whether it does no harm if it is carried out twice: it asks for something, or Telegram knows it by its number."""
    number = getattr(request, "random_id", None)
    return method_of(request).rpartition(".")[2].startswith("get") or (type(number) is int and number != 0)


class Refused(Exception):
    """Telegram's answer to a call was ``error``. Telethon's own call has no handler for this, and passes it on."""

    def __init__(self, error: errors.RPCError) -> None:
        super().__init__(error)
        self.error = error


class Outspoken:
    """A Telethon sender whose errors reach us before Telethon sleeps on them: it waits up to a minute without a word,
    remembers until when by a clock that can be set, and pauses two seconds before it gives up.
    """

    __slots__ = ("_sender",)

    def __init__(self, sender: Any) -> None:
        self._sender = sender

    def send(self, request: Any, ordered: bool = False) -> Any:
        sent = self._sender.send(request, ordered=ordered)
        return sent if isinstance(sent, list) else _answer(sent)


async def _answer(sent: Any) -> Any:
    try:
        return await sent
    except errors.RPCError as error:
        raise Refused(error) from None
