"""Renewing and forking what a daemon owns: it does it itself, and asks whoever asked it for what it cannot know."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from telekeep.errors import GatewayError, LoginCancelled, LoginRefused, PasswordNeeded, SessionBusy
from telekeep.keeper.fork import fork
from telekeep.keeper.keeper import Keeper
from telekeep.keeper.renew import renew
from telekeep.keeper.renewing import planned
from telekeep.lease.holder import DAEMON
from telekeep.login.prompt import Given, Prompt, Question, Unattended
from telekeep.secret import Secret
from telekeep.session.model import Peer, PeerKind
from telekeep.testing.fakes import ScriptedPrompt
from telekeep.work.daemon import Daemon
from telekeep.work.keeping import DaemonKeeper
from telekeep.work.owners import Owners
from upstream.place import Place
from work.test_owners import borrower, keeper_of
from work.test_owners import place as place

PASSWORD = "correct horse"


class Served:
    """A daemon in this process, and a person beside it."""

    def __init__(self, owners: Owners, keeper: Keeper) -> None:
        self.owners = owners
        self.keeper = keeper  # the person's own

    async def renew(self, prompt: Prompt | None = None, **options: Any) -> Any:
        return await renew(self.keeper, "main", prompt or Unattended(), **options)


@pytest.fixture
async def served(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """Telegram never sees two connections of one key, and no plan is left."""
    monkeypatch.setenv("TELEKEEP_KEY_FILE", str(place.root / "config" / "key"))
    monkeypatch.setenv("TELEKEEP_HOME", str(place.root / "home"))
    keeper = DaemonKeeper.open(home=place.root / "home", network=place.network)
    owners = Owners(keeper)
    daemon, ready = Daemon(keeper, owners), asyncio.Event()
    task = asyncio.create_task(daemon.run(ready=ready.set))
    await asyncio.wait([task, asyncio.ensure_future(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
    person = keeper_of(place)
    yield Served(owners, person)
    daemon.stop()
    async with asyncio.timeout(30):
        await task
    assert not planned.all_of(person.vault)
    person.close()
    place.vault.close()
    assert (place.telegram.stats.overlap, place.telegram.stats.duplicated) == (0, 0)


def logins(place: Place) -> list[int]:
    return [each.key.id for each in place.telegram.authorizations(place.ada)]


async def test_the_daemon_renews_what_it_lends_and_the_borrower_stays(served: Served, place: Place) -> None:
    given = await served.owners.borrow("main")
    async with borrower(given) as client:
        before = logins(place)
        found = await served.renew()
        assert found.ended and logins(place) != before and len(logins(place)) == 1
        assert (await client.get_me()).id == place.ada.id
    assert logins(place) == [served.keeper.vault.load("main").auth_key.id]
    assert served.owners.status()[0]["state"] == "connected"
    with pytest.raises(SessionBusy) as busy:
        served.keeper.leases.try_acquire(served.keeper.vault.load("main").auth_key.id)
    assert busy.value.holder.purpose == DAEMON, "told from a program that is to be stopped first, as before"


async def test_what_the_daemon_does_not_own_is_renewed_by_whoever_asks(served: Served, place: Place) -> None:
    before = logins(place)
    found = await served.renew()
    assert found.ended and logins(place) != before and len(logins(place)) == 1
    assert not served.owners.status()
    await served.owners.borrow("main")


async def test_the_person_is_asked_for_the_password_and_it_is_written_nowhere(
    served: Served, place: Place, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    _protect(place)
    await served.owners.borrow("main")
    with pytest.raises(PasswordNeeded):
        await served.renew()
    found = await served.renew(Given(Unattended(), password=Secret(PASSWORD.encode())))
    assert found.ended and len(logins(place)) == 1
    assert PASSWORD not in caplog.text
    files = [each for each in tmp_path.rglob("*") if each.is_file() and "emulator" not in each.name]
    assert files and not any(PASSWORD.encode() in each.read_bytes() for each in files)


async def test_a_wrong_password_is_asked_again_and_three_are_too_many(served: Served, place: Place) -> None:
    _protect(place)
    await served.owners.borrow("main")
    before = logins(place)
    prompt = ScriptedPrompt([(Question.PASSWORD, "battery")] * 3)
    with pytest.raises(LoginRefused, match="last of 3"):
        await served.renew(prompt)
    assert prompt.left == 0 and logins(place) == before
    prompt = ScriptedPrompt([(Question.PASSWORD, "battery"), (Question.PASSWORD, PASSWORD)])
    assert (await served.renew(prompt)).ended


async def test_the_person_is_asked_about_those_who_cannot_be_found_again(served: Served, place: Place) -> None:
    _stranger(place)
    await served.owners.borrow("main")
    before = logins(place)
    with pytest.raises(LoginCancelled):
        await served.renew(ScriptedPrompt([(Question.CONFIRM, False)]))
    assert logins(place) == before
    found = await served.renew(ScriptedPrompt([(Question.CONFIRM, True)]))
    assert found.ended and found.lost == ("Grace (user 987654)",)


async def test_whoever_leaves_at_a_question_leaves_everything_as_it_was(served: Served, place: Place) -> None:
    _stranger(place)
    await served.owners.borrow("main")
    before = logins(place)
    with pytest.raises(LoginCancelled):
        await served.renew(ScriptedPrompt([(Question.CONFIRM, LoginCancelled)]))
    assert logins(place) == before
    assert not served.keeper.vault.renewals()


async def test_one_at_a_time_and_nobody_takes_the_session_meanwhile(served: Served, place: Place) -> None:
    _stranger(place)
    await served.owners.borrow("main")
    step = await served.owners.renew("main", can=["confirm"])
    assert step is not None and step["ask"] == "confirm"
    with pytest.raises(GatewayError, match="already"):
        await served.owners.renew("main", can=[])
    with pytest.raises(SessionBusy, match="renewing"):
        await served.owners.release(served.keeper.vault.entry("main").lease)
    done = await served.owners.renewal_answer("main", True)
    assert done["result"]["ended"]
    with pytest.raises(GatewayError, match="Nothing is asked"):
        await served.owners.renewal_answer("main", True)


async def test_a_daemon_that_stops_at_a_question_undoes_it(served: Served, place: Place) -> None:
    _stranger(place)
    await served.owners.borrow("main")
    before = logins(place)
    await served.owners.renew("main", can=["confirm"])
    assert len(logins(place)) == 2
    await served.owners.close(1.0)
    assert logins(place) == before


async def test_a_fork_of_what_is_lent(served: Served, place: Place) -> None:
    given = await served.owners.borrow("main")
    async with borrower(given) as client:
        found = await fork(served.keeper, "main", "main@laptop", Unattended())
        assert found.name == "main@laptop" and len(logins(place)) == 2
        assert (await client.get_me()).id == place.ada.id
    async with borrower(await served.owners.borrow("main@laptop")) as other:
        assert (await other.get_me()).id == place.ada.id


def _protect(place: Place) -> None:
    """Two-step verification is switched on."""
    made = place.telegram.add_account("9996629999", password=PASSWORD)
    place.ada.password = made.password


def _stranger(place: Place) -> None:
    """Somebody is known whom nobody can find again."""
    session = place.vault.load("main")
    grace = Peer(PeerKind.USER, 987654, 4711, None, None, "Grace")
    place.vault.save_peers("main", session.auth_key.id, [grace], fence=place.vault.entry("main").fence)
