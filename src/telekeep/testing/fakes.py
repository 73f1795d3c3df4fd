"""Stand-ins for people and for time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from telekeep.login.prompt import Question, Wish
from telekeep.login.states import Sent
from telekeep.secret import Secret


class ScriptedPrompt:
    """A person who answers as written.

    ``answers`` are (question, answer) pairs, used in order: a question that is not the next one fails the test. An
    answer may be an exception, class or instance, which is raised; a function, which is called with what was shown; or
    a value. ``asked`` is the list of what was asked: (question, what was shown). ``told`` what was said.
    """

    def __init__(self, answers: Iterable[tuple[Question, Any]] = (), *, cannot: Iterable[Question] = ()) -> None:
        self._answers = list(answers)
        self._cannot = frozenset(cannot)
        self.asked: list[tuple[Question, Any]] = []
        self.told: list[str] = []

    @property
    def left(self) -> int:
        """How many answers were not asked for."""
        return len(self._answers)

    def can(self, question: Question) -> bool:
        return question not in self._cannot

    async def _answer(self, question: Question, shown: Any) -> Any:
        self.asked.append((question, shown))
        if not self._answers:
            raise AssertionError(f"asked for the {question}, and the script has ended ({shown})")
        expected, answer = self._answers.pop(0)
        if expected != question:
            raise AssertionError(f"asked for the {question} where the script says {expected} ({shown})")
        if isinstance(answer, BaseException) or (isinstance(answer, type) and issubclass(answer, BaseException)):
            raise answer
        if callable(answer):
            answer = answer(shown)
            if asyncio.iscoroutine(answer):
                answer = await answer
        return answer

    async def api_id(self) -> str:
        return str(await self._answer(Question.API_ID, None))

    async def api_hash(self) -> Secret:
        return _secret(await self._answer(Question.API_HASH, None))

    async def phone(self, problem: str | None = None) -> str:
        return str(await self._answer(Question.PHONE, problem))

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        answer: str | Wish = await self._answer(Question.CODE, (sent, problem))
        return answer

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        return _secret(await self._answer(Question.PASSWORD, (hint, problem)))

    async def bot_token(self) -> Secret:
        return _secret(await self._answer(Question.BOT_TOKEN, None))

    async def confirm(self, question: str) -> bool:
        return bool(await self._answer(Question.CONFIRM, question))

    async def show_qr(self, url: str, expires: float) -> None:
        await self._answer(Question.SCAN, (url, expires))

    async def tell(self, message: str) -> None:
        self.told.append(message)


def _secret(value: str | bytes | Secret) -> Secret:
    if isinstance(value, Secret):
        return value
    return Secret(value.encode() if isinstance(value, str) else value)


class ManualClock:
    """A clock that moves when it is told to. Sleepers wake in the order of their deadlines.

    ``wall`` and ``boot`` in seconds. `advance` moves both; `set_wall` is somebody changing the time; `reboot` begins
    a new boot, ``down`` seconds later.
    """

    def __init__(self, wall: float = 1_700_000_000.0, boot: float = 1_000.0, boot_id: str = "boot-1") -> None:
        self._wall = wall
        self._boot = boot
        self._boot_id = boot_id
        self._boots = 1
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals: list[Callable[[], None]] = []

    def wall(self) -> float:
        return self._wall

    def boot(self) -> float:
        return self._boot

    def boot_id(self) -> str:
        return self._boot_id

    @property
    def sleepers(self) -> int:
        """How many wait for this clock."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._boot + seconds, next(self._order), waiter))
        for arrived in self._arrivals:
            arrived()
        await waiter

    async def until_sleeping(self, count: int = 1) -> None:
        """Wait until ``count`` sleepers wait for this clock: then it may be advanced."""
        reached = asyncio.Event()
        self._arrivals.append(reached.set)
        try:
            while self.sleepers < count:
                reached.clear()
                await reached.wait()
        finally:
            self._arrivals.remove(reached.set)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass on both clocks and wake who has slept enough."""
        self._wall += seconds
        self._boot += seconds
        while self._sleepers and self._sleepers[0][0] <= self._boot:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)

    def set_wall(self, wall: float) -> None:
        """Somebody sets the time; the boot clock does not care."""
        self._wall = wall

    def reboot(self, *, down: float = 60.0, boot: float = 1.0) -> None:
        """The machine restarts: the wall clock has gone on for ``down`` seconds, the boot clock stands at ``boot``."""
        self._wall += down
        self._boot = boot
        self._boots += 1
        self._boot_id = f"boot-{self._boots}"
        self._sleepers.clear()
