"""A login's questions at a terminal.

Questions go to standard error, so that standard output stays clean; answers are read from standard input only where
it is a terminal. Reading does not block the event loop: the connection lives on while somebody looks for the code,
and Ctrl-C or the end of input become LoginCancelled at once. Secrets are not shown while they are typed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import StringIO
from typing import TextIO

from telekeep.cli.ask import at_terminal
from telekeep.cli.controls import without
from telekeep.cli.output import Output, wrapped
from telekeep.errors import LoginCancelled
from telekeep.login.prompt import Prompt, Question, Unattended, Wish
from telekeep.login.states import Sent
from telekeep.secret import Secret

_LINE = 4096  # the most a terminal hands over as one line


def prompt_of(out: Output) -> Prompt:
    """The terminal, if somebody sits there; else a prompt that asks nobody and reads nothing."""
    return Terminal(out, sys.stdin.fileno(), sys.stderr) if at_terminal() else _Telling(out)


class _Telling(Unattended):
    """Nobody to ask, but what is said is written down all the same."""

    def __init__(self, out: Output) -> None:
        self._out = out

    async def tell(self, message: str) -> None:
        self._out.note(message)


class Terminal:
    """The person at the terminal ``keyboard`` (a file descriptor), who reads ``screen``."""

    def __init__(self, out: Output, keyboard: int, screen: TextIO) -> None:
        self._out = out
        self._keyboard = keyboard
        self._screen = screen
        self._drawn = 0  # lines of the QR code that is on the screen now

    def can(self, question: Question) -> bool:
        return True

    async def api_id(self) -> str:
        return await self._ask("API id:")

    async def api_hash(self) -> Secret:
        return Secret((await self._ask("API hash (not shown):", hidden=True)).encode())

    async def phone(self, problem: str | None = None) -> str:
        self._problem(problem)
        return await self._ask("Phone number with country code (+14155552671):")

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        self._problem(problem)
        self._say(f"Telegram sent the code {sent.where}.")
        if sent.kind == "app":
            self._say("Type it here. Do not send it on inside Telegram, to nobody: it ends at once.")
        other = [f"`resend` for {sent.next_kind}"] if sent.next_kind else []
        self._say(f"Instead of the code you may type {' or '.join([*other, '`qr` for a QR code'])}.")
        answer = await self._ask("Code:")
        try:
            return Wish(answer.strip().lower())
        except ValueError:
            return answer

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        self._problem(problem)
        reminder = f", hint: {hint}" if hint else ""
        return Secret((await self._ask(f"Two-step verification password (not shown{reminder}):", hidden=True)).encode())

    async def bot_token(self) -> Secret:
        return Secret((await self._ask("Bot token from @BotFather (not shown):", hidden=True)).strip().encode())

    async def confirm(self, question: str) -> bool:
        return (await self._ask(f"{question} [y/N]")).strip().lower() in ("y", "yes")

    async def show_qr(self, url: str, expires: float) -> None:
        drawing = draw_qr(url)
        if self._drawn:
            self._screen.write(f"\x1b[{self._drawn}A\x1b[J")  # in the place of the one that ran out
        else:
            self._say(
                "Scan this with a phone where the account is logged in:",
                "Telegram > Settings > Devices > Link Desktop Device. It is renewed every half minute; Ctrl-C ends it.",
            )
        self._screen.write(drawing)
        self._screen.flush()
        self._drawn = drawing.count("\n")

    async def tell(self, message: str) -> None:
        self._drawn = 0
        self._out.note(message)

    def _problem(self, problem: str | None) -> None:
        if problem:
            self._drawn = 0
            self._out.warn(problem)

    def _say(self, *lines: str) -> None:
        self._drawn = 0
        self._screen.write("".join(f"{line}\n" for line in wrapped(map(without, lines), self._screen)))
        self._screen.flush()

    async def _ask(self, question: str, *, hidden: bool = False) -> str:
        self._drawn = 0
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bytes] = loop.create_future()
        with _interrupts(answer), _unechoed(self._keyboard) if hidden else nullcontext():
            self._screen.write(f"{without(question)} ")  # only now: what is typed from here on is ours
            self._screen.flush()
            loop.add_reader(self._keyboard, _read_into, self._keyboard, answer)
            data = b""
            try:
                data = await answer
            finally:
                loop.remove_reader(self._keyboard)
                if hidden or not data.endswith(b"\n"):
                    self._screen.write("\n")
        if not data:
            raise LoginCancelled
        return data.decode("utf-8", "replace").rstrip("\r\n")


def draw_qr(url: str) -> str:
    """``url`` as a QR code in half blocks: black on white whatever the terminal's own colours are."""
    import segno

    plain = StringIO()
    segno.make(url, error="l", micro=False).terminal(plain, compact=True, border=2)
    return "".join(f"\x1b[97;40m{line}\x1b[0m\n" for line in plain.getvalue().splitlines())


def _read_into(keyboard: int, answer: asyncio.Future[bytes]) -> None:
    try:
        data = os.read(keyboard, _LINE)
    except OSError:  # the terminal was closed
        data = b""
    if not answer.done():
        answer.set_result(data)


def _cancel(answer: asyncio.Future[bytes]) -> None:
    if not answer.done():
        answer.set_exception(LoginCancelled())


@contextmanager
def _interrupts(answer: asyncio.Future[bytes]) -> Iterator[None]:
    """Ctrl-C while a question stands is an answer to it: LoginCancelled."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, _cancel, answer)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


@contextmanager
def _unechoed(keyboard: int) -> Iterator[None]:
    """Do not show what is typed; typing ahead is kept."""
    before = termios.tcgetattr(keyboard)
    quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(keyboard, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
