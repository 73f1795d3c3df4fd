"""What is different about a borrowed client, seen from the program that has it."""

from __future__ import annotations

import asyncio
import builtins
import getpass
from typing import Any

import pytest
from telethon import TelegramClient, connection, errors, events, types
from telethon.sessions import StringSession

from borrow.served import Served, until
from telekeep.borrow.client import BorrowedClient
from telekeep.errors import ConfigError, LoanExpired


@pytest.fixture
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any) -> None:
        raise AssertionError("somebody was asked for something")

    monkeypatch.setattr(builtins, "input", asked)
    monkeypatch.setattr(getpass, "getpass", asked)


# ---- start


@pytest.mark.usefixtures("nobody_to_ask")
async def test_start_connects_and_asks_nobody_for_anything(served: Served) -> None:
    client = served.client()
    assert await client.start(phone="+9996621234", code_callback=input, password=getpass.getpass) is client
    assert (await client.get_me()).id == served.ada.id
    await client.disconnect()


async def test_a_bot_token_on_a_users_session_is_refused(served: Served) -> None:
    client = served.client()
    with pytest.raises(ConfigError, match="bot token") as refused:
        await client.start(bot_token="123456:not-ada")
    assert refused.value.remedy and not client.is_connected()
    await until(lambda: served.owner.is_idle)
    async with served.client() as other:
        assert not (await other.get_me()).bot


async def test_the_token_of_the_bot_itself_is_welcome(served: Served) -> None:
    bot = served.telegram.add_account(bot_token="4242:its-own", first_name="Bot")
    served.keep(served.telegram.mint(bot), "bot")
    client = served.client("bot")
    await client.start(bot_token="4242:its-own")
    assert (await client.get_me()).bot and await client.is_bot()
    await client.disconnect()


# ---- a loan's traffic stays here


class Elsewhere(connection.ConnectionTcpAbridged):  # type: ignore[misc]
    """A connection of the program's own choice, which must not carry a loan's traffic."""

    async def connect(self, *_: Any, **__: Any) -> None:
        raise AssertionError("a loan's traffic goes elsewhere")


@pytest.mark.parametrize(
    "options",
    [
        {"proxy": ("socks5", "192.0.2.1", 1080)},
        {"proxy": ("192.0.2.1", 443, "00" * 16), "connection": connection.ConnectionTcpMTProxyIntermediate},
        {"use_ipv6": True},
        {"connection": Elsewhere},
        {"local_addr": "192.0.2.7"},
        {"api_id": 7, "api_hash": "something else"},
    ],
    ids=lambda options: "+".join(options),
)
async def test_no_option_sends_a_loans_traffic_elsewhere(served: Served, options: dict[str, Any]) -> None:
    client = served.client(**options)
    async with client:
        assert (await client.get_me()).id == served.ada.id
        client.set_proxy(("socks5", "192.0.2.1", 1080))
        await client.disconnect()
        await client.connect()
        assert (await client.get_me()).id == served.ada.id
        home = served.owner.endpoint.home
        assert _peer(client) == (home.host, home.port) and home.host == "127.0.0.1"


def _peer(client: BorrowedClient) -> tuple[str, int]:
    peer: tuple[str, int] = client._sender._connection._writer.get_extra_info("peername")
    return peer


async def test_files_of_another_data_center_come_through_the_gateway(served: Served) -> None:
    data = bytes(range(256)) * 1200
    handshakes = served.telegram.stats.handshakes
    async with served.client() as client:
        served.telegram.send_file("9996621234", data, dc=4)
        (found,) = [each.message for each in await client.get_dialogs() if each.message.file]
        assert found.document.dc_id == 4
        assert await found.download_media(bytes) == data
    assert served.telegram.stats.handshakes - handshakes <= 1, "the owner's own with the other data center"


# ---- coming back


async def test_what_came_while_the_client_was_away_is_told_once_when_it_comes_back(served: Served) -> None:
    client = served.client()
    heard: list[str] = []
    client.add_event_handler(lambda event: _note(heard, event), events.NewMessage(incoming=True))
    await client.connect()
    served.telegram.send("9996621234", "first")
    await until(lambda: heard == ["first"])
    loan = client._loan
    for number in range(3):
        await client.disconnect()
        assert not client.is_connected()
        served.telegram.send("9996621234", f"away {number}", count=2)
        await client.connect()
        await until(lambda number=number: heard[-2:] == [f"away {number}"] * 2)
    assert client._loan is not None and loan is not None and client._loan.id == loan.id, "a loan for each time it came"
    served.telegram.send("9996621234", "last")
    await until(lambda: heard[-1] == "last")
    await client.disconnect()
    assert heard == ["first", *(f"away {number}" for number in range(3) for _ in range(2)), "last"]


async def _note(heard: list[str], event: Any) -> None:
    heard.append(event.raw_text)


async def test_an_update_in_hand_when_the_client_disconnects_is_not_forgotten(served: Served) -> None:
    """Stock Telethon drops it, and its message box has counted it (telekeep.borrow.dispatch).

    The client is disconnected any number of turns of the event loop after an update came.
    """
    client = served.client()
    heard: list[str] = []
    client.add_event_handler(lambda event: _note(heard, event), events.NewMessage)
    for turns in range(12):
        await client.connect()
        served.telegram.send("9996621234", f"before {turns}")
        await until(lambda turns=turns: heard and heard[-1] == f"before {turns}")
        state = client._message_box.session_state()[0]
        client._updates_queue.put_nowait(
            types.UpdateShortMessage(
                9000 + turns, served.ada.id, f"in hand {turns}", state["pts"] + 1, 1, state["date"]
            )
        )
        served.telegram.send("9996621234", f"in hand {turns}")
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.disconnect()
    await client.connect()
    served.telegram.send("9996621234", "last")
    await until(lambda: heard[-1] == "last")
    await client.disconnect()
    assert heard == [*(f"{kind} {turns}" for turns in range(12) for kind in ("before", "in hand")), "last"]


async def test_a_client_goes_on_when_the_daemon_is_another_one(served: Served) -> None:
    async with served.client() as client:
        heard: list[str] = []
        client.add_event_handler(lambda event: _note(heard, event), events.NewMessage(incoming=True))
        first = await client.send_message("me", "before")
        await served.stop()
        served.telegram.send("9996621234", "nobody is there")
        asked = asyncio.create_task(client.get_messages("me", ids=first.id))
        await served.start()
        assert (await asyncio.wait_for(asked, 20)).raw_text == "before"
        await until(lambda: heard == ["nobody is there"])


# ---- the end of it


async def test_logging_out_ends_the_loan_and_nothing_else(served: Served) -> None:
    async with served.client() as other:
        client = served.client()
        await client.connect()
        loan = client._loan
        assert loan is not None
        await client.log_out()
        assert served.owner.register.loans[loan.id].ended_why == "logged out"
        assert (await other.get_me()).id == served.ada.id
        with pytest.raises(LoanExpired, match="logged out"):
            await client.connect()
    assert len(served.telegram.authorizations(served.ada)) == 1
    async with served.client() as another:
        assert (await another.get_me()).id == served.ada.id


async def test_a_revoked_client_is_told_so(served: Served) -> None:
    async with served.client(label="mine") as client:
        await served.owners.revoke("mine")
        with pytest.raises(errors.BadRequestError, match="LOAN_REVOKED"):
            await asyncio.wait_for(client.get_me(), 20)


async def test_its_string_works_in_a_stock_client_of_another_program(served: Served) -> None:
    """A borrowed client is a Telethon client: what it says of its session is a loan's, and worth only that."""
    async with served.client() as client:
        string = StringSession.save(client.session)
        stock = TelegramClient(StringSession(string), 1, "0" * 32)
        await stock.connect()
        assert (await stock.get_me()).id == served.ada.id
        await stock.disconnect()
