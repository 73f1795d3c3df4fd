"""What Telegram allows, told once to whoever logs in: when the login really begins, not before something that fails."""

from __future__ import annotations

from collections.abc import Callable

from telekeep.login.prompt import Given, Prompt, Question, Wish
from telekeep.login.states import Sent
from telekeep.secret import Secret

NOTICE = (
    "Telegram's terms: for personal use, such as archiving your own messages, looking after your own communities and "
    "automating your own account. Not for scraping at scale, spam, commercial use or getting round limits. Accounts "
    "that do so are banned; the risk is yours."
)


class Introduced(Given):
    """``prompt``, with `NOTICE` handed to ``say`` before the first thing that a login asks or says.

    ``phone_known``: the number is not asked for, so that the first thing is the code, when the budget allowed one.
    """

    def __init__(self, prompt: Prompt, say: Callable[[str], None], *, phone_known: bool) -> None:
        super().__init__(prompt)
        self._say = say
        self._told = False
        self._phone_known = phone_known

    def _introduce(self) -> None:
        if not self._told:
            self._told = True
            self._say(NOTICE)

    async def phone(self, problem: str | None = None) -> str:
        if not self._phone_known and self.can(Question.PHONE):
            self._introduce()
        return await super().phone(problem)

    async def code(self, sent: Sent, problem: str | None = None) -> str | Wish:
        self._introduce()
        return await super().code(sent, problem)

    async def password(self, hint: str | None, problem: str | None = None) -> Secret:
        self._introduce()
        return await super().password(hint, problem)

    async def bot_token(self) -> Secret:
        if self.can(Question.BOT_TOKEN):
            self._introduce()
        return await super().bot_token()

    async def tell(self, message: str) -> None:
        self._introduce()
        await super().tell(message)
