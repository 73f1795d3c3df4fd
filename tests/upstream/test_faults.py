"""Every error of Telegram's, named: by exact class, with its numbers."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from telethon import errors, functions

from telekeep import errors as ours
from telekeep.testing.fakes import ManualClock
from telekeep.upstream.faults import DEAD, named

CLOCK = ManualClock()
ASKED = functions.users.GetUsersRequest([])
WRAPPED = functions.InvokeWithLayerRequest(1, functions.InvokeWithoutUpdatesRequest(ASKED))


def rpc(code: int, message: str, request: Any = ASKED) -> BaseException:
    """The error as Telethon makes it of the server's answer."""
    from telethon.tl.types import RpcError

    error: BaseException = errors.rpc_message_to_error(RpcError(code, message), request)
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (rpc(401, "AUTH_KEY_UNREGISTERED"), ours.AuthKeyRevoked),
        (rpc(401, "SESSION_REVOKED"), ours.AuthKeyRevoked),
        (rpc(401, "AUTH_KEY_INVALID"), ours.AuthKeyRevoked),
        (errors.AuthKeyNotFound(), ours.AuthKeyRevoked),
        (errors.InvalidBufferError((-404).to_bytes(4, "little", signed=True)), ours.AuthKeyRevoked),
        (rpc(401, "SESSION_EXPIRED"), ours.SessionExpired),
        (rpc(401, "USER_DEACTIVATED"), ours.AccountBanned),
        (rpc(401, "USER_DEACTIVATED_BAN"), ours.AccountBanned),
        (rpc(400, "PHONE_NUMBER_BANNED"), ours.AccountBanned),
        (rpc(406, "AUTH_KEY_DUPLICATED"), ours.AuthKeyDuplicated),
        (rpc(401, "SESSION_PASSWORD_NEEDED"), ours.PasswordNeeded),
        (rpc(400, "API_ID_INVALID"), ours.ConfigError),
        (rpc(400, "API_ID_PUBLISHED_FLOOD"), ours.ConfigError),
        (rpc(400, "PHONE_NUMBER_INVALID"), ours.ConfigError),
        (rpc(420, "FLOOD_WAIT_30"), ours.FloodWait),
        (rpc(420, "FLOOD_PREMIUM_WAIT_30"), ours.FloodWait),
        (rpc(420, "SLOWMODE_WAIT_30"), ours.SlowModeWait),
        (rpc(420, "TAKEOUT_INIT_DELAY_30"), ours.TakeoutDelay),
        (rpc(400, "PHONE_NUMBER_FLOOD"), ours.FloodWait),
        (rpc(406, "PHONE_PASSWORD_FLOOD"), ours.FloodWait),
        (rpc(420, "SOME_OTHER_FLOOD"), ours.FloodWait),
        (rpc(500, "RPC_CALL_FAIL"), ours.TelegramNetworkError),
        (rpc(-500, "No workers running"), ours.TelegramNetworkError),
        (rpc(-503, "Timeout"), ours.TelegramNetworkError),
        (ConnectionRefusedError(111, "Connection refused"), ours.TelegramNetworkError),
        (ConnectionError("Connection to Telegram failed 5 time(s)"), ours.TelegramNetworkError),
        (socket.gaierror(-2, "Name or service not known"), ours.TelegramNetworkError),
        (TimeoutError(), ours.TelegramNetworkError),
        (asyncio.IncompleteReadError(b"", 4), ours.TelegramNetworkError),
        (errors.InvalidChecksumError(1, 2), ours.TelegramNetworkError),
        (errors.SecurityError(), ours.TelegramNetworkError),
        (errors.InvalidBufferError((-429).to_bytes(4, "little", signed=True)), ours.TelegramRateLimitError),
        (rpc(406, "UPDATE_APP_TO_LOGIN"), ours.TelekeepError),
        (rpc(406, "FRESH_CHANGE_PHONE_FORBIDDEN"), ours.TelekeepError),
        (rpc(401, "SOMETHING_NEW"), ours.TelekeepError),
        (rpc(400, "SOMETHING_NEW"), ours.TelekeepError),
        (ZeroDivisionError("x"), ours.TelekeepError),
    ],
    ids=lambda each: each.__name__ if isinstance(each, type) else type(each).__name__,
)
def test_each_has_exactly_one_class_of_ours(error: BaseException, expected: type[ours.TelekeepError]) -> None:
    """X-5, 001-F2: one classifier, and no family taken for one of its members."""
    assert type(named(error, clock=CLOCK)) is expected


def test_a_wait_has_its_numbers_and_the_method_inside_all_wrappers() -> None:
    """003-F5: numbers are parsed once."""
    wait = named(rpc(420, "FLOOD_WAIT_79200", WRAPPED), clock=CLOCK)
    assert isinstance(wait, ours.FloodWait)
    assert (wait.seconds, wait.until, wait.method) == (79_200, CLOCK.wall() + 79_200, "users.getUsers")


def test_an_unknown_error_keeps_the_servers_words_and_names_the_class_of_a_known_one() -> None:
    assert "400 SOMETHING_NEW" in str(named(rpc(400, "SOMETHING_NEW"), clock=CLOCK))
    assert "UpdateAppToLoginError" in str(named(rpc(406, "UPDATE_APP_TO_LOGIN"), clock=CLOCK))


def test_what_is_ours_already_stays_what_it_is() -> None:
    lost = ours.LeaseLost(reason="test")
    assert named(lost, clock=CLOCK) is lost


def test_of_several_errors_the_first_is_named() -> None:
    several = errors.MultiError([None, rpc(401, "SESSION_REVOKED")], [1, None], [ASKED, ASKED])
    assert type(named(several, clock=CLOCK)) is ours.AuthKeyRevoked


def test_only_what_ends_a_login_is_counted_as_dead() -> None:
    endings = (ours.AuthKeyRevoked, ours.SessionExpired, ours.AuthKeyDuplicated, ours.AccountBanned)
    for name in (
        "SESSION_PASSWORD_NEEDED",
        "UPDATE_APP_TO_LOGIN",
        "FLOOD_WAIT_1",
        "RPC_CALL_FAIL",
        "ACTIVE_USER_REQUIRED",
    ):
        assert type(rpc(401, name)) not in DEAD
    for kind in DEAD:
        error = kind() if kind is errors.AuthKeyNotFound else kind(request=None)  # type: ignore[call-arg]
        assert type(named(error, clock=CLOCK)) in endings
