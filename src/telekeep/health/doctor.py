"""The doctor: gathers facts, all at once and each with a deadline, and lets the checks judge them.

Whatever goes wrong in a step becomes a finding of that step. No step keeps another from being heard, and none can keep
the process from ending: what blocks runs in a thread that nobody waits for.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, Generic, TypeVar

from telekeep.errors import TelekeepError
from telekeep.health.check import Finding, of_error, warning

AT_ONCE = 32
STEP_SECONDS = 30.0

_F = TypeVar("_F")


@dataclass(frozen=True, slots=True)
class Step(Generic[_F]):
    """One check of a run: how its facts are gathered, and who judges them.

    ``gather``: a coroutine function, or a plain function, which is run in a thread. It may raise any error of
    telekeep's, which is the finding then. ``seconds``: until it is given up.
    """

    check: str
    gather: Callable[[], Awaitable[_F] | _F]
    judge: Callable[[_F], Iterable[Finding]]
    name: str | None = None
    seconds: float = STEP_SECONDS


async def examine(steps: Sequence[Step[Any]], *, at_once: int = AT_ONCE) -> list[Finding]:
    """Run all steps, ``at_once`` at the same time; the findings come in the order of the steps."""
    turns = asyncio.Semaphore(at_once)

    async def run(step: Step[Any]) -> list[Finding]:
        async with turns:
            return await _run(step)

    found = await asyncio.gather(*map(run, steps))
    return [finding for each in found for finding in each]


async def _run(step: Step[Any]) -> list[Finding]:
    try:
        async with asyncio.timeout(step.seconds):
            if inspect.iscoroutinefunction(step.gather):
                facts = await step.gather()
            else:
                facts = await in_thread(step.gather)
        return list(step.judge(facts))
    except TelekeepError as error:  # first: some are a TimeoutError of their own kind too
        return [of_error(step.check, error, name=step.name)]
    except TimeoutError:
        words = f"This check was given up after {step.seconds:g} s."
        return [warning(step.check, words, "Try again: `telekeep diagnostics`.", name=step.name)]
    except Exception as error:  # a check that fails is a fault of ours, and no reason not to hear the others
        words = f"This check failed in a way nobody foresaw ({type(error).__name__})."
        return [warning(step.check, words, "Please report it.", name=step.name)]


async def in_thread(function: Callable[[], Any]) -> Any:
    """What ``function`` returns or raises, from a thread that does not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not done.done():
            done.set_exception(error) if error is not None else done.set_result(result)

    def run() -> None:
        result = error = None
        try:
            result = function()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, daemon=True, name="telekeep check").start()
    return await done


def once(gather: Callable[[], Awaitable[_F]]) -> Callable[[], Awaitable[_F]]:
    """``gather``, carried out once however many steps ask for it."""
    task: asyncio.Future[_F] | None = None

    async def shared() -> _F:
        nonlocal task
        if task is None:
            task = asyncio.ensure_future(gather())
        return await asyncio.shield(task)

    return shared
