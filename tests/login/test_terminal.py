"""The questions as a person at a terminal sees them: a real pseudo-terminal, real signals."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from collections.abc import AsyncIterator, Awaitable
from io import StringIO
from typing import TypeVar

import pytest

from telekeep.cli.output import Output
from telekeep.cli.prompt import Terminal, draw_qr
from telekeep.errors import LoginCancelled
from telekeep.login.prompt import Wish
from telekeep.login.states import Sent
from telekeep.secret import Secret

APP = Sent("app", "to the Telegram app", "hash", length=5, next_kind="SMS", timeout=60)
T = TypeVar("T")


class Screen(StringIO):
    """What the program wrote; `asked` waits until it ends in a question."""

    def __init__(self) -> None:
        super().__init__()
        self._written = asyncio.Event()

    def write(self, text: str) -> int:
        self._written.set()
        return super().write(text)

    async def asked(self, *, after: int = 0) -> None:
        while not self.getvalue()[after:].endswith((": ", "] ")):
            self._written.clear()
            await self._written.wait()


class Person:
    """Sits at a pseudo-terminal; ``screen`` is what the program wrote."""

    def __init__(self) -> None:
        self.hands, self.keyboard = os.openpty()
        self.screen = Screen()
        self.terminal = Terminal(Output(), self.keyboard, self.screen)

    async def types(self, text: str, question: Awaitable[T]) -> T:
        """Type ``text`` once ``question`` is asked."""
        seen = len(self.screen.getvalue())
        task = asyncio.ensure_future(question)
        await self.screen.asked(after=seen)
        os.write(self.hands, text.encode())
        return await task

    def echoed(self) -> str:
        """What the terminal itself has shown of the typing."""
        os.set_blocking(self.hands, False)
        try:
            return os.read(self.hands, 4096).decode()
        except BlockingIOError:
            return ""


@pytest.fixture
async def person() -> AsyncIterator[Person]:
    person = Person()
    yield person
    os.close(person.hands)
    os.close(person.keyboard)


async def test_the_code_question_says_where_the_code_went_and_not_to_send_it_on(person: Person) -> None:
    assert await person.types("22222\n", person.terminal.code(APP)) == "22222"
    shown = person.screen.getvalue()
    assert "to the Telegram app" in shown
    assert "Do not send it on inside Telegram" in shown
    assert "`resend` for SMS" in shown
    assert "`qr`" in shown


async def test_instead_of_a_code_another_way_may_be_wished_for(person: Person) -> None:
    assert await person.types("QR\n", person.terminal.code(APP)) is Wish.QR
    assert await person.types(" resend \n", person.terminal.code(APP)) is Wish.RESEND


async def test_secrets_are_not_shown_while_they_are_typed(person: Person) -> None:
    """001-F5: the api hash was echoed."""
    secrets = [
        await person.types("swordfish one\n", person.terminal.password("a fish")),
        await person.types("swordfish two\n", person.terminal.api_hash()),
        await person.types("swordfish three\n", person.terminal.bot_token()),
    ]
    assert secrets == [Secret(b"swordfish one"), Secret(b"swordfish two"), Secret(b"swordfish three")]
    assert "swordfish" not in person.echoed() + person.screen.getvalue()
    assert "hint: a fish" in person.screen.getvalue()
    assert termios.tcgetattr(person.keyboard)[3] & termios.ECHO


async def test_a_hint_cannot_move_the_cursor(person: Person) -> None:
    await person.types("x\n", person.terminal.password("\x1b[2Jfish"))
    assert "\x1b" not in person.screen.getvalue()


@pytest.mark.parametrize("question", ["phone", "password", "code", "confirm", "api_id"])
async def test_ctrl_c_at_any_question_cancels_the_login_and_restores_the_terminal(
    person: Person, question: str
) -> None:
    """The question can be cancelled: Telethon's blocking input() cannot (000-F10)."""
    before = signal.getsignal(signal.SIGINT)
    arguments = {"password": (None,), "code": (APP,), "confirm": ("Sure?",)}.get(question, ())
    task = asyncio.ensure_future(getattr(person.terminal, question)(*arguments))
    await person.screen.asked()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(LoginCancelled, match="Nothing was changed"):
        await task
    assert signal.getsignal(signal.SIGINT) is before
    assert termios.tcgetattr(person.keyboard)[3] & termios.ECHO


async def test_the_end_of_input_cancels_the_login(person: Person) -> None:
    with pytest.raises(LoginCancelled):
        await person.types("\x04", person.terminal.phone())


async def test_the_event_loop_lives_on_while_a_question_stands(person: Person) -> None:
    task = asyncio.ensure_future(person.terminal.phone())
    await person.screen.asked()
    for _ in range(10):
        await asyncio.sleep(0)  # a blocking read would never come back here
    assert not task.done()
    os.write(person.hands, b"+1\n")
    assert await task == "+1"


async def test_only_yes_is_yes(person: Person) -> None:
    assert await person.types("y\n", person.terminal.confirm("Sure?"))
    assert not await person.types("\n", person.terminal.confirm("Sure?"))
    assert not await person.types("yup\n", person.terminal.confirm("Sure?"))


async def test_a_qr_code_is_drawn_without_its_link_and_renewed_in_its_place(person: Person) -> None:
    url = "tg://login?token=AQKdX2hqAQKdX2hqAQKdX2hqAQKdX2hq"
    await person.terminal.show_qr(url, 30.0)
    first = person.screen.getvalue()
    assert "token" not in first
    assert "Link Desktop Device" in first
    height = draw_qr(url).count("\n")
    await person.terminal.show_qr(url.replace("A", "B"), 60.0)
    assert person.screen.getvalue().removeprefix(first).startswith(f"\x1b[{height}A\x1b[J")


def test_a_drawn_qr_code_holds_the_link() -> None:
    """Read back module by module: two rows of modules to a line, black is what is not drawn."""
    import segno

    url = "tg://login?token=AQKdX2hqAQKdX2hq"
    lines = [line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m") for line in draw_qr(url).splitlines()]
    dark = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}
    rows = [[dark[letter][half] for letter in line] for line in lines for half in (0, 1)]
    drawn = [bytes(row[2:-2]) for row in rows[2 : 2 + len(rows[0]) - 4]]
    assert drawn == [bytes(row) for row in segno.make(url, error="l", micro=False).matrix]
