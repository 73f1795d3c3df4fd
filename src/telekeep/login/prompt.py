"""Asking a human is an interface: a terminal, a web page and a script are three prompts.

`Prompt` is what the login asks. `Unattended` answers nothing and says which flag would have: nobody sits there.
`Given` puts answers known beforehand in front of another prompt.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from telekeep.errors import ConfigError, LoginRefused, NeedsLogin, PasswordNeeded
from telekeep.login.states import Sent
from telekeep.secret import Secret


class Question(StrEnum):
    """What a prompt may be asked."""

    API_ID = "api id"
    API_HASH = "api hash"
    PHONE = "phone"
    CODE = "code"
    PASSWORD = "password"
    BOT_TOKEN = "bot token"
    CONFIRM = "confirm"
    SCAN = "scan"


class Wish(StrEnum):
    """What may be said instead of a code."""

    RESEND = "resend"  # send it another way
    QR = "qr"  # leave the code, show a QR code


class Prompt(Protocol):
    """Who is asked. Every question may raise LoginCancelled; ``problem`` says why it is asked again."""

    def can(self, question: Question) -> bool:
        """Whether this question can be answered. Asked before a code is spent on a login that could not end."""

    async def api_id(self) -> str: ...

    async def api_hash(self) -> Secret: ...

    async def phone(self, problem: str | None = None) -> str:
        """A phone number with its country code, in any spelling."""

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        """The code that was sent, or a wish. Where it was sent must be shown."""

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        """The two-step verification password, UTF-8."""

    async def bot_token(self) -> Secret: ...

    async def confirm(self, question: str) -> bool: ...

    async def show_qr(self, url: str, expires: float) -> None:
        """Show ``url`` as a QR code and return at once; it serves until ``expires`` (wall-clock seconds)."""

    async def tell(self, message: str) -> None: ...


class Unattended:
    """Nobody sits there. Never reads anything; each refusal names the flag that gives the answer."""

    def can(self, question: Question) -> bool:
        return False

    async def api_id(self) -> str:
        raise ConfigError("No api id, and nobody to ask.", remedy="Set TELEGRAM_API_ID.")

    async def api_hash(self) -> Secret:
        raise ConfigError("No api hash, and nobody to ask.", remedy="Set TELEGRAM_API_HASH.")

    async def phone(self, problem: str | None = None) -> str:
        if problem:
            raise LoginRefused(problem, remedy="Correct --phone.")
        raise ConfigError(
            "No phone number, and nobody to ask: standard input is no terminal.",
            remedy="Give it with --phone NUMBER; `telekeep auth NAME` also takes --qr and --bot-token-file FILE.",
        )

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        if problem:
            raise LoginRefused(problem, remedy="Run it again in a terminal, or with the code that arrives then.")
        raise no_code()

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        if problem:
            raise LoginRefused(problem, remedy="Correct the file that --password-file names.")
        raise PasswordNeeded

    async def bot_token(self) -> Secret:
        raise ConfigError(
            "No bot token, and nobody to ask: standard input is no terminal.",
            remedy="Give it with --bot-token-file FILE, or set TELEGRAM_BOT_TOKEN.",
        )

    async def confirm(self, question: str) -> bool:
        return False

    async def show_qr(self, url: str, expires: float) -> None:
        raise no_screen()

    async def tell(self, message: str) -> None:
        pass


def no_code() -> NeedsLogin:
    """The refusal to ask Telegram for a code that nobody could type."""
    return NeedsLogin(
        "Telegram's code would have to be typed, and nobody is there: standard input is no terminal.",
        remedy="Run it in a terminal, or give the code with --code CODE.",
    )


def no_screen() -> ConfigError:
    """The refusal to ask for a QR code that nobody could see."""
    return ConfigError(
        "A QR code needs a terminal to be drawn in.", remedy="Run it in a terminal, or log in with --phone NUMBER."
    )


class Given:
    """Answers known beforehand, each used once; a question asked again goes to ``otherwise``."""

    def __init__(
        self,
        otherwise: Prompt,
        *,
        phone: str | None = None,
        code: str | None = None,
        password: Secret | None = None,
        bot_token: Secret | None = None,
        yes: bool = False,
    ) -> None:
        self._otherwise = otherwise
        self._phone = phone
        self._code = code
        self._password = password
        self._bot_token = bot_token
        self._yes = yes

    def can(self, question: Question) -> bool:
        known = {
            Question.PHONE: self._phone,
            Question.CODE: self._code,
            Question.PASSWORD: self._password,
            Question.BOT_TOKEN: self._bot_token,
            Question.CONFIRM: self._yes or None,
        }
        return known.get(question) is not None or self._otherwise.can(question)

    async def api_id(self) -> str:
        return await self._otherwise.api_id()

    async def api_hash(self) -> Secret:
        return await self._otherwise.api_hash()

    async def phone(self, problem: str | None = None) -> str:
        given, self._phone = self._phone, None
        return given if given is not None else await self._otherwise.phone(problem)

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        given, self._code = self._code, None
        if given is None:
            return await self._otherwise.code(sent, problem)
        await self.tell(f"Telegram sent the code {sent.where}.")
        return given

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        given, self._password = self._password, None
        return given if given is not None else await self._otherwise.password(hint, problem)

    async def bot_token(self) -> Secret:
        given, self._bot_token = self._bot_token, None
        return given if given is not None else await self._otherwise.bot_token()

    async def confirm(self, question: str) -> bool:
        return self._yes or await self._otherwise.confirm(question)

    async def show_qr(self, url: str, expires: float) -> None:
        await self._otherwise.show_qr(url, expires)

    async def tell(self, message: str) -> None:
        await self._otherwise.tell(message)
