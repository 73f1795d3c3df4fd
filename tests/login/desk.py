"""Where the tests make their logins, and the phone that scans QR codes."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from telethon import TelegramClient, functions
from telethon.crypto import AuthKey
from telethon.sessions import MemorySession

from telekeep.emulator import Emulator
from telekeep.events import Events
from telekeep.login import flow
from telekeep.login.budget import LoginBudget
from telekeep.login.prompt import Question
from telekeep.login.runner import Login
from telekeep.secret import Secret
from telekeep.session.model import Application, Session, User
from telekeep.testing.fakes import ManualClock, ScriptedPrompt
from telekeep.upstream.fresh import Fresh

APPLICATION = Application(12345, Secret(b"0123456789abcdef0123456789abcdef"))


class Desk:
    """Where logins are made: every one with the same budget."""

    def __init__(self, telegram: Emulator, clock: ManualClock, folder: Path) -> None:
        self.telegram = telegram
        self.clock = clock
        self.budget = LoginBudget(folder / "home" / "login.db", clock=clock)
        self.prompt = ScriptedPrompt()
        self.session: Session | None = None
        self.events = Events()

    async def log_in(
        self,
        answers: Iterable[tuple[Question, Any]],
        *,
        begin: flow.Move | None = None,
        token: Secret | None = None,
        cannot: Iterable[Question] = (),
        patience: float = 0.0,
    ) -> User:
        """One login, from ``begin`` (a phone number by default). ``session`` is what it gave; all answers are used."""
        self.prompt = ScriptedPrompt(answers, cannot=cannot)
        async with Fresh(self.telegram.network, APPLICATION, clock=self.clock) as fresh:
            login = Login(
                fresh, self.prompt, self.budget, self.clock, token=token, patience=patience, events=self.events
            )
            user = await login.run(begin or flow.by_phone())
            self.session = await fresh.session()
        assert self.prompt.left == 0
        return user

    def problems(self, question: Question) -> list[str | None]:
        """Why ``question`` was asked, each time."""
        shown = [what for asked, what in self.prompt.asked if asked == question]
        return [what[1] if isinstance(what, tuple) else what for what in shown]


class Device:
    """A stock client of an account that is logged in already: the phone that scans QR codes."""

    def __init__(self, session: Session) -> None:
        memory = MemorySession()
        memory.set_dc(session.dc.id, session.dc.host, session.dc.port)
        memory.auth_key = AuthKey(session.auth_key.reveal())
        self.client: Any = type("Device", (TelegramClient,), {})(memory, 1, "0" * 32)

    async def scan(self, url: str) -> None:
        """Accept the login token of a tg://login link."""
        text = url.removeprefix("tg://login?token=")
        token = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        await self.client.connect()
        try:
            await self.client(functions.auth.AcceptLoginTokenRequest(token))
        finally:
            await self.client.disconnect()
