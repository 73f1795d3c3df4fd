"""Questions of the daemon to the person who asked it for something, over the control socket, one at a time.

The daemon's side runs the work with an `Asked` prompt, and hands out what it asks: each answer of the verb is either a
question or the result. The person's side (`hold_it`) puts each question to a prompt of its own. Secrets travel in
answers only, are not kept, and are not logged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from telekeep.errors import GatewayError, LoginCancelled, TelekeepError
from telekeep.login.prompt import Prompt, Question, Unattended
from telekeep.secret import Secret

PATIENCE = 300.0  # seconds for a person to answer

Step = dict[str, Any]
"""``ask``: the question's kind, with its fields; or ``result``. ``told``: what is to be said to the person first."""


class Asked(Unattended):
    """The prompt of whoever works in the daemon: only what the other side ``can`` answer is asked."""

    def __init__(self, can: Iterable[str]) -> None:
        self._can = frozenset(can)
        self._told: list[str] = []
        self._question: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
        self._answer: asyncio.Future[Any]

    def can(self, question: Question) -> bool:
        return question.value in self._can

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        if not self.can(Question.PASSWORD):
            return await super().password(hint, problem)
        return Secret(str(await self._ask(Question.PASSWORD, hint=hint, problem=problem)).encode())

    async def bot_token(self) -> Secret:
        if not self.can(Question.BOT_TOKEN):
            return await super().bot_token()
        return Secret(str(await self._ask(Question.BOT_TOKEN)).encode())

    async def confirm(self, question: str) -> bool:
        return self.can(Question.CONFIRM) and bool(await self._ask(Question.CONFIRM, question=question))

    async def tell(self, message: str) -> None:
        self._told.append(message)

    # ---- between the work and the socket

    async def _ask(self, kind: Question, **fields: Any) -> Any:
        self._answer = asyncio.get_running_loop().create_future()
        self._question.set_result({"ask": kind.value, **fields})
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._answer
        except TimeoutError:
            raise LoginCancelled(f"Nobody answered within {PATIENCE:g} s. Nothing was changed.") from None

    async def next(self, work: asyncio.Task[Any]) -> Step:
        """What ``work`` asks next, or its result. Raises what it raised."""
        await asyncio.wait([work, self._question], return_when=asyncio.FIRST_COMPLETED)
        told, self._told = self._told, []
        if self._question.done():
            asked, self._question = self._question.result(), asyncio.get_running_loop().create_future()
            return {**asked, "told": told}
        return {"result": work.result().facts(), "told": told}

    def give(self, answer: Any) -> None:
        """The answer to what was asked last; None: there is none, and the work is to stop."""
        if answer is None:
            self._answer.set_exception(LoginCancelled())
        else:
            self._answer.set_result(answer)


class Conversations:
    """Those under way in one daemon, by the names of their sessions."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[asyncio.Task[Any], Asked]] = {}

    async def begin(self, name: str, can: Iterable[str], work: Callable[[Prompt], Awaitable[Any]]) -> Step:
        """Run ``work`` for ``name`` until it asks or ends; only one at a time. Raises what it raises."""
        if name in self._running:
            raise GatewayError(f"{name!r} is being renewed already.", remedy="Wait for it.")
        prompt = Asked(can)
        task: asyncio.Task[Any] = asyncio.ensure_future(_run(work, prompt))
        self._running[name] = task, prompt
        task.add_done_callback(lambda _: self._running.pop(name, None))
        return await prompt.next(task)

    async def answer(self, name: str, answer: Any) -> Step:
        """Go on with an answer. Raises GatewayError if nothing was asked."""
        if name not in self._running:
            raise GatewayError(f"Nothing is asked about {name!r}.", remedy="Begin again.")
        task, prompt = self._running[name]
        prompt.give(answer)
        return await prompt.next(task)

    async def close(self) -> None:
        """Stop all of them: what they were about is undone."""
        tasks = [task for task, _ in self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __contains__(self, name: str) -> bool:
        return name in self._running


async def _run(work: Callable[[Prompt], Awaitable[Any]], prompt: Prompt) -> Any:
    return await work(prompt)


# ---- the person's side


def can(prompt: Prompt) -> list[str]:
    """What ``prompt`` can answer, of what is asked in this way."""
    return [each.value for each in (Question.PASSWORD, Question.BOT_TOKEN, Question.CONFIRM) if prompt.can(each)]


async def hold_it(step: Step, answer: Callable[[Any], Awaitable[Step]], prompt: Prompt) -> dict[str, Any]:
    """Put the questions to ``prompt``, and hand back its answers by ``answer``, until there is a result."""
    while True:
        for message in step["told"]:
            await prompt.tell(message)
        if "result" in step:
            found: dict[str, Any] = step["result"]
            return found
        try:
            given = await _put(step, prompt)
        except (TelekeepError, asyncio.CancelledError):
            try:
                await answer(None)  # it is undone there before this returns
            except TelekeepError:
                pass
            raise
        step = await answer(given)


async def _put(step: Step, prompt: Prompt) -> str | bool:
    match Question(step["ask"]):
        case Question.PASSWORD:
            return (await prompt.password(step["hint"], step["problem"])).reveal().decode()
        case Question.BOT_TOKEN:
            return (await prompt.bot_token()).reveal().decode()
        case _:
            return await prompt.confirm(step["question"])
