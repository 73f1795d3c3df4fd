"""From nothing to a kept session, and an existing one that nothing touches before its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telekeep.emulator import Emulator
from telekeep.emulator.world import Account
from telekeep.errors import (
    AccountBanned,
    ConfigError,
    LoginBudgetSpent,
    LoginCancelled,
    SessionSealed,
    StorageUnavailable,
    TelekeepError,
)
from telekeep.events import Event, LoggedIn
from telekeep.keeper.auth import Way, auth
from telekeep.keeper.keeper import Keeper
from telekeep.lease.lease import lease_name
from telekeep.lease.memory import MemoryLeases
from telekeep.login.budget import CODES_PER_DAY
from telekeep.login.prompt import Question
from telekeep.secret import Secret
from telekeep.session.model import Application, Session
from telekeep.testing.fakes import ManualClock, ScriptedPrompt
from telekeep.vault.record import Entry

PHONE, CODE, PASSWORD = "9996621234", "22222", "correct horse"
OTHER_PHONE = "9996625678"
ANSWERS = [(Question.PHONE, PHONE), (Question.CODE, CODE), (Question.PASSWORD, PASSWORD)]
APPLICATION = Application(12345, Secret(b"0123456789abcdef0123456789abcdef"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(wall=time.time())


@pytest.fixture
async def telegram(clock: ManualClock) -> AsyncIterator[Emulator]:
    async with Emulator(clock=clock) as telegram:
        yield telegram


@pytest.fixture
def ada(telegram: Emulator) -> Account:
    return telegram.add_account(PHONE, password=PASSWORD, username="ada")


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that names nothing of the user's."""
    for name, folder in (("TELEKEEP_LEASES", "leases"), ("TELEKEEP_STATE", "state")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(tmp_path / "config" / "key"))
    for name in ("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEGRAM_PHONE", "TELEGRAM_SESSION_STRING"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


@pytest.fixture
def keeper(telegram: Emulator, clock: ManualClock, surroundings: Path) -> Iterator[Keeper]:
    with Keeper.open(home=surroundings / "home", network=telegram.network, clock=clock) as keeper:
        yield keeper


async def log_in(
    keeper: Keeper, answers: Iterable[tuple[Question, Any]] = ANSWERS, *, name: str = "main", **options: Any
) -> Entry:
    prompt = ScriptedPrompt(answers)
    entry = await auth(keeper, name, prompt, application=APPLICATION, **options)
    assert prompt.left == 0
    return entry


def is_alive(telegram: Emulator, account: Account, session: Session) -> bool:
    """Whether Telegram still takes the key of ``session`` for a login of ``account``."""
    return telegram.authorization_of(session) in telegram.authorizations(account)


async def test_a_login_is_kept_sealed_and_can_be_read_back(
    keeper: Keeper, telegram: Emulator, ada: Account, surroundings: Path
) -> None:
    events: list[Event] = []
    keeper.events.listen(events.append)
    entry = await log_in(keeper)
    session = keeper.vault.load("main")
    assert session.user is not None
    assert (entry.name, entry.generation, entry.dc_id, session.user.id) == ("main", 1, 2, ada.id)
    assert session.application == APPLICATION
    assert entry.last_used_at == keeper.clock.wall()
    assert is_alive(telegram, ada, session)
    assert events == [LoggedIn("main", keeper.clock.wall(), ada.id)]
    key = session.auth_key.reveal()
    for file in surroundings.rglob("*"):
        assert not file.is_file() or key not in file.read_bytes()


async def test_one_key_one_connection_under_a_lease_from_its_keeping_on(
    keeper: Keeper, telegram: Emulator, ada: Account, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the new record at once finds its key held until the login's own connection is closed."""
    leases = MemoryLeases(clock=clock)
    monkeypatch.setitem(keeper.__dict__, "leases", leases)
    keep, held = keeper.vault_for_writing().keep, []

    def watched(name: str, session: Session, **terms: Any) -> Entry:
        held.append(leases.holder(lease_name(session.auth_key.id)) is not None)
        return keep(name, session, **terms)

    monkeypatch.setattr(keeper.vault, "keep", watched)
    entry = await log_in(keeper)
    assert held == [True]
    assert leases.holder(entry.lease) is None
    assert telegram.stats.overlap == telegram.stats.duplicated == 0
    assert telegram.stats.connections == telegram.stats.handshakes == 1


async def test_without_an_api_id_the_steps_to_get_one_are_told(
    keeper: Keeper, telegram: Emulator, surroundings: Path
) -> None:
    """001-1: log in at my.telegram.org, API development tools, create an app, note id and 32-character hash."""
    with pytest.raises(ConfigError) as refused:
        await auth(keeper, "main", ScriptedPrompt())
    assert "https://my.telegram.org/apps" in (refused.value.remedy or "")
    assert "TELEGRAM_API_ID" in (refused.value.remedy or "")
    assert telegram.stats.connections == 0
    assert not (surroundings / "home").exists()


async def test_api_id_and_hash_come_from_the_settings(
    keeper: Keeper, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_API_ID", "777")
    monkeypatch.setenv("TELEGRAM_API_HASH", "f" * 32)
    await auth(keeper, "main", ScriptedPrompt(ANSWERS))
    assert keeper.vault.load("main").application == Application(777, Secret(b"f" * 32))


async def test_a_name_that_cannot_be_kept_costs_no_code(keeper: Keeper, telegram: Emulator) -> None:
    with pytest.raises(ConfigError, match="no name for a session"):
        await log_in(keeper, [], name="../main")
    assert telegram.stats.connections == 0


async def test_a_vault_that_cannot_be_opened_is_noticed_before_a_code_is_spent(
    keeper: Keeper, telegram: Emulator, ada: Account, surroundings: Path
) -> None:
    await log_in(keeper)
    keeper.close()
    (surroundings / "config" / "key").unlink()
    with pytest.raises(SessionSealed):
        await log_in(keeper, [], name="second")
    assert telegram.stats.codes_sent == 1


async def test_a_kept_session_is_not_replaced_without_a_yes(keeper: Keeper, telegram: Emulator, ada: Account) -> None:
    await log_in(keeper)
    with pytest.raises(ConfigError) as refused:
        await log_in(keeper, [(Question.CONFIRM, False)])
    assert "--replace" in (refused.value.remedy or "")
    assert keeper.vault.entry("main").generation == 1
    assert telegram.stats.codes_sent == 1


async def test_a_new_login_replaces_the_kept_one_and_logs_nothing_out(
    keeper: Keeper, telegram: Emulator, ada: Account
) -> None:
    """000-F8: regenerating makes another authorization; the old one is not ended by it, and the words say so."""
    await log_in(keeper)
    old = keeper.vault.load("main")
    prompt = ScriptedPrompt([(Question.CONFIRM, True), *ANSWERS])
    entry = await auth(keeper, "main", prompt, application=APPLICATION)
    new = keeper.vault.load("main")
    assert entry.generation == 2
    assert new.auth_key != old.auth_key
    assert is_alive(telegram, ada, old)
    assert is_alive(telegram, ada, new)
    assert any("Devices" in line for line in prompt.told)
    assert keeper.vault.load("main", generation=1).auth_key == old.auth_key


async def test_who_uses_the_old_key_is_not_disturbed_by_a_new_login(keeper: Keeper, ada: Account) -> None:
    await log_in(keeper)
    old = keeper.vault.load("main")
    lease = keeper.leases.try_acquire(old.auth_key.id)
    await log_in(keeper, replace=True)
    lease.check()
    lease.release()


async def test_a_login_of_another_account_does_not_take_the_name(
    keeper: Keeper, telegram: Emulator, ada: Account
) -> None:
    bob = telegram.add_account(OTHER_PHONE)
    await log_in(keeper)
    with pytest.raises(ConfigError, match="is of account"):
        await log_in(keeper, [(Question.PHONE, OTHER_PHONE), (Question.CODE, CODE)], replace=True)
    assert keeper.vault.entry("main").generation == 1
    assert is_alive(telegram, ada, keeper.vault.load("main"))
    assert telegram.authorizations(bob) == []


@pytest.mark.parametrize("question", [Question.CONFIRM, Question.PHONE, Question.CODE, Question.PASSWORD])
async def test_ctrl_c_at_any_question_leaves_the_kept_session_as_it_was(
    keeper: Keeper, telegram: Emulator, ada: Account, question: Question
) -> None:
    await log_in(keeper)
    old = keeper.vault.load("main")
    answers = [(Question.CONFIRM, True), *ANSWERS]
    place = [asked for asked, _ in answers].index(question)
    with pytest.raises(LoginCancelled):
        await log_in(keeper, [*answers[:place], (question, LoginCancelled)])
    assert keeper.vault.load("main") == old
    assert keeper.vault.entry("main").generation == 1
    assert [telegram.authorization_of(old)] == telegram.authorizations(ada)


@pytest.mark.parametrize("method", ["users.getUsers", "updates.getState"])
async def test_a_new_login_that_does_not_prove_itself_is_ended_and_the_old_one_stays(
    keeper: Keeper, telegram: Emulator, ada: Account, method: str
) -> None:
    await log_in(keeper)
    old = keeper.vault.load("main")

    def spoiled(_shown: object) -> str:
        telegram.fault("error", method=method, code=400, message="SOMETHING_STRANGE", times=3)
        return PASSWORD

    with pytest.raises(TelekeepError):
        await log_in(keeper, [*ANSWERS[:2], (Question.PASSWORD, spoiled)], replace=True)
    telegram.clear_faults()
    assert keeper.vault.load("main") == old
    assert [telegram.authorization_of(old)] == telegram.authorizations(ada)


async def test_a_login_that_cannot_be_kept_is_ended_again(
    keeper: Keeper, telegram: Emulator, ada: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk after the sign-in: no authorization is left behind that nobody has the key of."""
    await log_in(keeper)
    old = keeper.vault.load("main")

    def full(*_: object, **__: object) -> None:
        raise StorageUnavailable("The disk is full.")

    monkeypatch.setattr(keeper.vault, "keep", full)
    with pytest.raises(StorageUnavailable):
        await log_in(keeper, replace=True)
    assert [telegram.authorization_of(old)] == telegram.authorizations(ada)
    assert all(keeper.leases.holder(each.lease) is None for each in keeper.vault.entries())


async def test_ctrl_c_between_sign_in_and_safe_keeping_ends_the_new_login(
    keeper: Keeper, telegram: Emulator, ada: Account
) -> None:
    telegram.fault("delay", method="updates.getState", seconds=60)
    login = asyncio.ensure_future(log_in(keeper))
    async with asyncio.timeout(30):
        while not telegram._desk.waiting:  # noqa: ASYNC110 - signed in, and asked what is delayed
            await asyncio.sleep(0.01)
    login.cancel()
    with pytest.raises(asyncio.CancelledError):
        await login
    assert telegram.authorizations(ada) == []
    assert keeper.vault.entries() == []


async def test_a_banned_number_is_named(keeper: Keeper, telegram: Emulator) -> None:
    telegram.fault("error", method="auth.sendCode", code=400, message="PHONE_NUMBER_BANNED")
    with pytest.raises(AccountBanned):
        await log_in(keeper, ANSWERS[:1])


async def test_the_budget_is_of_the_home_and_not_of_the_process(
    keeper: Keeper, telegram: Emulator, ada: Account, clock: ManualClock, surroundings: Path
) -> None:
    """003-F1, X-3: whoever opens this home has the same five codes a day."""
    for _ in range(CODES_PER_DAY):
        other = Keeper.open(home=surroundings / "home", network=telegram.network, clock=clock)
        with other, pytest.raises(LoginCancelled):
            await log_in(other, [*ANSWERS[:1], (Question.CODE, LoginCancelled)])
    with pytest.raises(LoginBudgetSpent):
        await log_in(keeper, ANSWERS[:1])
    assert telegram.stats.codes_sent == CODES_PER_DAY


async def test_a_bot_is_kept_by_its_token(keeper: Keeper, telegram: Emulator) -> None:
    token = "123456789:AAE-thisisnotarealtokenatall_12345"
    bot = telegram.add_account(bot_token=token)
    await log_in(keeper, [], name="robot", way=Way.BOT, bot_token=Secret(token.encode()))
    user = keeper.vault.load("robot").user
    assert user is not None
    assert (user.id, user.is_bot) == (bot.id, True)


async def test_a_name_that_was_set_aside_can_be_logged_in_anew(keeper: Keeper, ada: Account) -> None:
    from telekeep.keeper.transfer import remove

    await log_in(keeper)
    remove(keeper, "main")
    entry = await log_in(keeper)
    assert entry.state == "kept"
