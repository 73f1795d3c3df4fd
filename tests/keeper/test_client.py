"""``telekeep.client``: the front door for programs."""

from __future__ import annotations

from dataclasses import replace

import pytest

import telekeep
from keeper.conftest import keep
from telekeep.emulator import Emulator
from telekeep.errors import ConfigError, SessionBusy, SessionNotFound
from telekeep.keeper.client import client, hold
from telekeep.keeper.keeper import Keeper
from telekeep.session.model import Session
from telekeep.session.network import Network

HASH = "f" * 32


async def test_it_holds_and_speaks(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    async with telekeep.client("main", direct=True, network=telegram.network) as speaking:
        assert (await speaking.get_me()).first_name == "Ada"
        with pytest.raises(SessionBusy):
            await telekeep.client("main", direct=True, network=telegram.network, timeout=0).connect()
    assert telegram.stats.overlap == 0


def test_a_session_that_is_not_kept_is_not_found(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    with pytest.raises(SessionNotFound):
        client("nobody", network=telegram.network)


def test_the_application_is_the_one_the_login_was_made_with(keeper: Keeper, main: Session) -> None:
    made = hold(keeper, "main")
    assert (made.api_id, made.api_hash) == (12345, "0123456789abcdef" * 2)


def test_an_application_may_be_given_as_a_pair(keeper: Keeper, main: Session) -> None:
    made = hold(keeper, "main", api_id=7, api_hash=HASH)
    assert (made.api_id, made.api_hash) == (7, HASH)
    with pytest.raises(ConfigError, match="together"):
        hold(keeper, "main", api_id=7)


def test_an_imported_session_uses_the_settings(
    keeper: Keeper, main: Session, telegram: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = telegram.add_account("9996625678")
    keep(keeper, telegram.mint(account), "imported")
    with pytest.raises(ConfigError, match="API id"):
        hold(keeper, "imported")
    monkeypatch.setenv("TELEGRAM_API_ID", "99")
    monkeypatch.setenv("TELEGRAM_API_HASH", HASH)
    keeper.__dict__.pop("settings", None)
    assert hold(keeper, "imported").api_id == 99


def test_a_vault_that_was_moved_here_does_not_connect(
    keeper: Keeper, main: Session, monkeypatch: pytest.MonkeyPatch, telegram: Emulator
) -> None:
    """003-F7: one key from two addresses dies."""
    monkeypatch.setattr(type(keeper.vault), "moved", property(lambda vault: True))
    with pytest.raises(ConfigError) as refused:
        hold(keeper, "main")
    assert "telekeep vault accept --move" in str(refused.value.remedy)
    assert telegram.stats.connections == 0


def test_a_session_of_another_network_is_refused(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    elsewhere: Network = replace(telegram.network, name="elsewhere")
    with pytest.raises(ConfigError, match="emulator"):
        client("main", network=elsewhere)


async def test_no_secret_is_shown_by_a_client_or_its_errors(keeper: Keeper, main: Session, telegram: Emulator) -> None:
    """X-6."""
    made = hold(keeper, "main")
    telegram.fault("revoke")
    with pytest.raises(telekeep.errors.AuthKeyRevoked) as ended:
        await made.connect()
    shown = "".join(map(repr, (made, made._terms, made.session, ended.value, ended.value.__cause__, vars(ended.value))))
    key = main.auth_key.reveal()
    assert key.hex() not in shown and repr(key)[2:-1] not in shown and "0123456789abcdef" not in shown
