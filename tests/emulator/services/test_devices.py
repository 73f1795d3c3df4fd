from __future__ import annotations

from typing import Any

import pytest

from emulator.services.bench import Bench, Device
from telekeep.emulator.authorization import Application
from telekeep.mtproto.schema import functions, types

LIST = functions.account.GetAuthorizationsRequest()
RESET_OTHERS = functions.auth.ResetAuthorizationsRequest()
STATE = functions.updates.GetStateRequest()


def reset(device: Device) -> Any:
    return functions.account.ResetAuthorizationRequest(hash=device.authorization.hash)


@pytest.fixture
def devices(bench: Bench) -> tuple[Device, Device]:
    """Two logins of one account, both older than a day."""
    account = bench.world.add_account("9996621234")
    return bench.device(account), bench.device(account)


def test_the_list_shows_every_login_once_and_which_one_asks(bench: Bench, devices: tuple[Device, Device]) -> None:
    mine, other = devices
    other.authorization.application = Application(6, "Pixel", "14", "1.0")
    exported = mine(functions.auth.ExportAuthorizationRequest(dc_id=4))
    bench.device(dc=4)(functions.auth.ImportAuthorizationRequest(id=exported.id, bytes=exported.bytes))
    listed = mine(LIST).authorizations
    assert [(each.hash, bool(each.current)) for each in listed] == [(0, True), (other.authorization.hash, False)]
    assert (listed[1].device_model, listed[1].api_id, listed[1].app_version) == ("Pixel", 6, "1.0")


def test_a_login_older_than_a_day_ends_another(devices: tuple[Device, Device]) -> None:
    mine, other = devices
    assert mine(reset(other)) is True
    assert other.refused(STATE) == "SESSION_REVOKED"
    assert mine(STATE)
    assert len(mine(LIST).authorizations) == 1


def test_a_fresh_login_may_end_nobody_and_change_no_ttl_until_it_is_a_day_old(
    bench: Bench, devices: tuple[Device, Device]
) -> None:
    """000-F9."""
    fresh = bench.device(bench.world.account_of("9996621234"))
    fresh.authorization.log_in(fresh.authorization.user_id or 0, at=bench.clock.wall())
    ttl = functions.account.SetAuthorizationTTLRequest(authorization_ttl_days=30)
    for request in (reset(devices[0]), RESET_OTHERS, ttl):
        assert fresh.refused(request) == "FRESH_RESET_AUTHORISATION_FORBIDDEN"
    assert devices[0](STATE)
    bench.clock.advance(86_400)
    for request in (reset(devices[0]), RESET_OTHERS, ttl):
        assert fresh(request) is True


def test_no_hash_an_unknown_one_and_ones_own_are_invalid(bench: Bench, devices: tuple[Device, Device]) -> None:
    mine, _ = devices
    stranger = bench.device(bench.world.add_account("9996625678"))
    for number in (0, 1, mine.authorization.hash, stranger.authorization.hash):
        request = functions.account.ResetAuthorizationRequest(hash=number)
        assert mine.refused(request) == "HASH_INVALID"
    assert stranger(STATE)


def test_resetting_all_ends_all_but_ones_own(bench: Bench, devices: tuple[Device, Device]) -> None:
    mine, other = devices
    stranger = bench.device(bench.world.add_account("9996625678"))
    assert mine(RESET_OTHERS) is True
    assert other.refused(STATE) == "SESSION_REVOKED"
    assert mine(STATE) and stranger(STATE)


def test_the_ttl_is_kept_and_must_make_sense(devices: tuple[Device, Device]) -> None:
    mine, _ = devices
    assert mine(functions.account.SetAuthorizationTTLRequest(authorization_ttl_days=30)) is True
    assert mine(LIST).authorization_ttl_days == 30
    nonsense = functions.account.SetAuthorizationTTLRequest(authorization_ttl_days=0)
    assert mine.refused(nonsense) == "TTL_DAYS_INVALID"


def test_the_account_ttl_is_kept(devices: tuple[Device, Device]) -> None:
    mine, other = devices
    assert mine(functions.account.SetAccountTTLRequest(ttl=types.AccountDaysTTL(days=365))) is True
    assert other(functions.account.GetAccountTTLRequest()).days == 365


def test_a_status_is_accepted(devices: tuple[Device, Device]) -> None:
    assert devices[0](functions.account.UpdateStatusRequest(offline=False)) is True
