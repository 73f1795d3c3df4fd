"""Login by QR code (core.telegram.org/api/qr-login): one device waits, another that is logged in accepts."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, handles
from telekeep.emulator.services.account import device
from telekeep.emulator.services.asking import view
from telekeep.emulator.services.signing_in import enter, greeting
from telekeep.emulator.world.tokens import LoginToken
from telekeep.mtproto.schema import functions, types


@handles(functions.auth.ExportLoginTokenRequest, authorized=False)
def export_login_token(call: Call, request: Any) -> Any:
    """A token to show; or, once it was accepted, the login, or the data center where to take it up."""
    if call.authorization.user_id is not None:
        account = call.world.accounts[call.authorization.user_id]
        return types.auth.LoginTokenSuccess(authorization=greeting(call, account))
    token = call.world.login_tokens.export(
        call.authorization, except_ids=frozenset(request.except_ids), now=call.clock.wall()
    )
    if token.accepted_by is None:
        return types.auth.LoginToken(expires=int(token.expires_at), token=token.value)
    home = call.world.accounts[token.accepted_by].home_dc
    if home != call.dc_id:
        return types.auth.LoginTokenMigrateTo(dc_id=home, token=token.value)
    return _take_up(call, token)


@handles(functions.auth.ImportLoginTokenRequest, authorized=False)
def import_login_token(call: Call, request: Any) -> Any:
    """Take up an accepted login on the account's own data center."""
    token = call.world.login_tokens.accepted(request.token, now=call.clock.wall())
    home = call.world.accounts[token.accepted_by or 0].home_dc
    if home != call.dc_id:
        return types.auth.LoginTokenMigrateTo(dc_id=home, token=token.value)
    return _take_up(call, token)


@handles(functions.auth.AcceptLoginTokenRequest)
def accept_login_token(call: Call, request: Any) -> Any:
    """Let in whoever shows this token, and tell them (updateLoginToken)."""
    seen = view(call, people_only=True)
    token = call.world.login_tokens.accept(request.token, seen.account.id, now=call.clock.wall())
    update = types.UpdateShort(update=types.UpdateLoginToken(), date=call.world.now)
    call.telegram.push(seen.account.id, update, only=token.waiter)
    return device(token.waiter)


def _take_up(call: Call, token: LoginToken) -> Any:
    call.world.login_tokens.redeem(token)
    assert token.accepted_by is not None
    return types.auth.LoginTokenSuccess(authorization=enter(call, call.world.accounts[token.accepted_by]))
