"""The end of every login, whatever it began with: a code, a QR code, a bot token, a logout token."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError
from telekeep.emulator.render.view import View
from telekeep.emulator.services.asking import login
from telekeep.emulator.world import Account
from telekeep.mtproto.schema import types


def enter(call: Call, account: Account) -> Any:
    """Log the asking key in, unless the account has a password: then it is owed first.

    Returns auth.Authorization; raises RpcError 401 SESSION_PASSWORD_NEEDED.
    """
    if account.password is not None:
        call.authorization.pending_user_id = account.id
        raise RpcError(401, "SESSION_PASSWORD_NEEDED")
    return admit(call, account)


def admit(call: Call, account: Account) -> Any:
    """Log the asking key in: all that was owed has been given."""
    call.authorization.log_in(account.id, at=call.clock.wall())
    call.telegram.stats.logins += 1
    return greeting(call, account)


def greeting(call: Call, account: Account) -> Any:
    """auth.Authorization for the asking key. An account with a password gets a token for its next login."""
    token = None
    if account.password is not None and login(call) is call.authorization:
        token = call.world.future_tokens.issue(account.id)
    user = View(call.world, call.authorization, account).user(account)
    return types.auth.Authorization(user=user, future_auth_token=token)
