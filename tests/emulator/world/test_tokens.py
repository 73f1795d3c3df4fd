from __future__ import annotations

import os

import pytest

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.world.tokens import Exports, FutureTokens, LoginTokens

NOBODY: frozenset[int] = frozenset()


def key() -> Authorization:
    return Authorization(os.urandom(256), dc_id=2, made_at=0)


def test_a_qr_token_may_be_accepted_for_thirty_seconds() -> None:
    tokens = LoginTokens()
    first, second = tokens.export(key(), except_ids=NOBODY, now=0), tokens.export(key(), except_ids=NOBODY, now=0)
    assert tokens.accept(first.value, 7, now=29.9).accepted_by == 7
    with pytest.raises(RpcError, match="AUTH_TOKEN_EXPIRED"):
        tokens.accept(second.value, 7, now=30)


def test_it_is_accepted_once() -> None:
    tokens = LoginTokens()
    token = tokens.export(key(), except_ids=NOBODY, now=0)
    tokens.accept(token.value, 7, now=1)
    with pytest.raises(RpcError, match="AUTH_TOKEN_ALREADY_ACCEPTED"):
        tokens.accept(token.value, 8, now=1)


def test_a_token_nobody_shows_is_invalid_and_so_is_one_that_was_replaced() -> None:
    tokens, waiter = LoginTokens(), key()
    with pytest.raises(RpcError, match="AUTH_TOKEN_INVALID"):
        tokens.accept(b"made up", 7, now=0)
    old = tokens.export(waiter, except_ids=NOBODY, now=0)
    tokens.export(waiter, except_ids=NOBODY, now=1)
    with pytest.raises(RpcError, match="AUTH_TOKEN_INVALID"):
        tokens.accept(old.value, 7, now=1)


def test_an_account_the_waiting_client_has_already_is_refused() -> None:
    tokens = LoginTokens()
    token = tokens.export(key(), except_ids=frozenset({7}), now=0)
    with pytest.raises(RpcError, match="AUTH_TOKEN_EXCEPTION"):
        tokens.accept(token.value, 7, now=1)
    assert tokens.accept(token.value, 8, now=1)


def test_only_an_accepted_token_is_taken_up_and_only_once() -> None:
    tokens = LoginTokens()
    token = tokens.export(key(), except_ids=NOBODY, now=0)
    with pytest.raises(RpcError, match="AUTH_TOKEN_INVALID"):
        tokens.accepted(token.value, now=1)
    tokens.accept(token.value, 7, now=1)
    tokens.redeem(tokens.accepted(token.value, now=2))
    with pytest.raises(RpcError, match="AUTH_TOKEN_INVALID"):
        tokens.accepted(token.value, now=3)


def test_an_exported_authorization_is_imported_once_by_the_right_user_at_the_right_place_in_time() -> None:
    exports, origin = Exports(), key()
    good = {"user_id": 7, "dc_id": 4, "now": 1.0}
    for wrong in ({"user_id": 8}, {"dc_id": 5}, {"now": Exports.WITHIN}):
        value = exports.export(7, 4, origin, now=0)
        with pytest.raises(RpcError, match="AUTH_BYTES_INVALID"):
            exports.redeem(value=value, **{**good, **wrong})
    value = exports.export(7, 4, origin, now=0)
    assert exports.redeem(value=value, **good).origin is origin
    with pytest.raises(RpcError, match="AUTH_BYTES_INVALID"):
        exports.redeem(value=value, **good)


def test_a_logout_token_opens_its_own_account_once() -> None:
    tokens = FutureTokens()
    value = tokens.issue(7)
    assert not tokens.redeem([value], 8)
    assert tokens.redeem([b"other", value], 7)
    assert not tokens.redeem([value], 7)
