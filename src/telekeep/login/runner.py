"""Carries a login out: does what each action of the flow asks for, and hands the outcome back as the next event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from telekeep.clock import Clock
from telekeep.errors import MaybeDone, TelegramRateLimitError
from telekeep.events import Events
from telekeep.login import bot, flow, password, phone, qr
from telekeep.login.budget import LoginBudget
from telekeep.login.prompt import Prompt, Question, Wish, no_code, no_screen
from telekeep.login.states import (
    Action,
    AskCode,
    AskPassword,
    AskPhone,
    CheckPassword,
    CodeGiven,
    CodeSent,
    Done,
    Event,
    Failed,
    FetchHint,
    FollowToken,
    ImportBot,
    IssueToken,
    LineLost,
    NewCodeDeclined,
    NewCodeWanted,
    OfferNewCode,
    PasswordGiven,
    PhoneGiven,
    QrWanted,
    Refused,
    ResendCode,
    ResendWanted,
    SendCode,
    ShowToken,
    SignIn,
)
from telekeep.pace.waiting import wait_out
from telekeep.secret import Secret
from telekeep.session.model import User
from telekeep.upstream.fresh import Fresh, Refusal

QR_WARNING = (
    "Telegram has been seen to log out fresh accounts soon after a QR login; established ones are not affected."
)

_REPEATABLE = (SendCode, ResendCode, SignIn, CheckPassword)  # nobody is asked anything once more for these


@dataclass
class Login:
    """One login over one `Fresh` connection.

    ``fresh`` must have been made for ``begin``: with updates for a QR login. The budget counts by network too, so that
    a number on a test network has a budget of its own. ``patience``: seconds of a flood wait that are waited out, which
    is reported to ``events``.
    """

    fresh: Fresh
    prompt: Prompt
    budget: LoginBudget
    clock: Clock
    token: Secret | None = None
    tokens: Sequence[Secret] = ()  # of earlier logins of the account: with one of them it may need no code
    patience: float = 0.0
    events: Events = field(default_factory=Events)
    _subject: str = ""
    _flooded: Action | None = None
    _sent_at: float = field(default=0.0)

    async def run(self, begin: flow.Move) -> User:
        """From ``begin`` (`flow.by_phone` and its siblings) to an authorization. Returns whose it is.

        Raises LoginBudgetSpent before Telegram is asked, LoginRefused for answers that were not accepted,
        LoginCancelled from the prompt, AccountBanned, FloodWait and the other errors of `telekeep.upstream.faults`.
        """
        state, action = begin
        while action is not None:
            state, action = flow.step(state, await self._outcome(action))
        if isinstance(state, Failed):
            raise state.error
        assert isinstance(state, Done)
        return state.user

    async def _outcome(self, action: Action) -> Event:
        left = self.patience if isinstance(action, _REPEATABLE) else 0.0
        while True:
            try:
                return await self._perform(action)
            except Refusal as refusal:
                return Refused(refusal.name)
            except MaybeDone:
                if isinstance(action, SendCode | ResendCode):
                    return LineLost()
                raise
            except TelegramRateLimitError as error:
                if error.seconds:
                    self.budget.note_flood(self._subject, error.seconds)
                if not 0 < error.seconds <= left:
                    raise
                left -= error.seconds
                self._flooded = action
                until = error.until or self.clock.wall() + error.seconds
                await wait_out(self.events, self.clock, "login", error.method or "", error.seconds, until)

    async def _perform(self, action: Action) -> Event:
        match action:
            case AskPhone(problem):
                return PhoneGiven(await self.prompt.phone(problem))
            case AskCode():
                return await self._ask_code(action)
            case OfferNewCode(problem):
                wanted = self.prompt.can(Question.CODE) and await self.prompt.confirm(f"{problem} Send a new code?")
                return NewCodeWanted() if wanted else NewCodeDeclined()
            case AskPassword(hint, problem):
                return PasswordGiven(await self.prompt.password(hint, problem))
            case ShowToken(url, expires):
                await self.prompt.show_qr(url, expires)
                return await qr.wait_for_scan(self.fresh, expires, self.clock)
            case SendCode(number):
                if self._flooded is not action:  # no code was sent then: it counts once
                    self._count(number)
                return self._note_sent(await phone.send_code(self.fresh, number, self.tokens))
            case ResendCode(number, sent):
                if self._flooded is not action:
                    self._count(number)
                return self._note_sent(await phone.resend_code(self.fresh, number, sent))
            case SignIn(number, sent, code):
                return await phone.sign_in(self.fresh, number, sent, code)
            case FetchHint():
                return await password.fetch_hint(self.fresh)
            case CheckPassword(given):
                return await password.check_password(self.fresh, given)
            case IssueToken(first):
                return await self._issue_token(first)
            case FollowToken(dc_id, token):
                return await qr.follow_token(self.fresh, dc_id, token)
            case ImportBot():
                return await self._import_bot()

    async def _ask_code(self, action: AskCode) -> Event:
        match await self.prompt.code(action.sent, action.problem):
            case Wish.RESEND:
                return ResendWanted(self.clock.boot() - self._sent_at)
            case Wish.QR:
                return QrWanted()
            case code:
                return CodeGiven(code)

    def _count(self, number: str) -> None:
        """No code is asked for that nobody could type, or that the budget does not allow."""
        if not self.prompt.can(Question.CODE):
            raise no_code()
        self._subject = f"{self.fresh.network.place} phone {number}"
        self.budget.count_code(self._subject)

    def _note_sent(self, event: Event) -> Event:
        if isinstance(event, CodeSent):
            self._sent_at = self.clock.boot()
        return event

    async def _issue_token(self, first: bool) -> Event:
        if first:
            if not self.prompt.can(Question.SCAN):
                raise no_screen()
            self._subject = f"{self.fresh.network.place} qr {self.fresh.application.api_id}"
            self.budget.check(self._subject)
            await self.fresh.want_updates()  # that is how Telegram says that the code was scanned
            await self.prompt.tell(QR_WARNING)
        return await qr.issue_token(self.fresh)

    async def _import_bot(self) -> Event:
        token = self.token or await self.prompt.bot_token()
        self._subject = f"{self.fresh.network.place} bot {bot.bot_id(token)}"
        self.budget.check(self._subject)
        return await bot.import_bot(self.fresh, token)
