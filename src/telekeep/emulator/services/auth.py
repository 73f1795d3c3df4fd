"""auth.*: codes, sign-in and sign-up, bots, logging out, and taking a login to another data center."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import login
from telekeep.emulator.services.signing_in import admit, enter, greeting
from telekeep.emulator.world import Account, numbers
from telekeep.emulator.world.codes import NEXT_WAY, SentCode, Way
from telekeep.mtproto.schema import functions, types

_RESEND_AFTER = 60  # seconds a client shows before it offers to send the code again

_WAYS: dict[Way, tuple[Any, Any]] = {
    "app": (types.auth.SentCodeTypeApp, None),
    "sms": (types.auth.SentCodeTypeSms, types.auth.CodeTypeSms),
    "call": (types.auth.SentCodeTypeCall, types.auth.CodeTypeCall),
}


@handles(functions.auth.SendCodeRequest, authorized=False)
def send_code(call: Call, request: Any) -> Any:
    """A code by the app, if the account has a living login, else by SMS. With a logout token of the account, none."""
    phone = _number(call, request.phone_number)
    if call.world.is_banned(phone):
        raise RpcError(400, "PHONE_NUMBER_BANNED")
    account = call.world.account_of(phone)
    tokens = request.settings.logout_tokens
    if account is not None and tokens and call.world.future_tokens.redeem(tokens, account.id):
        return types.auth.SentCodeSuccess(authorization=admit(call, account))
    devices = call.telegram.authorizations(account) if account else []
    way: Way = "app" if devices else "sms"
    sent = call.world.codes.send(phone, call.authorization.key.id, way=way, now=call.clock.wall())
    return _announce(call, sent, account)


@handles(functions.auth.ResendCodeRequest, authorized=False)
def resend_code(call: Call, request: Any) -> Any:
    phone = _number(call, request.phone_number)
    key_id, now = call.authorization.key.id, call.clock.wall()
    return _announce(call, call.world.codes.resend(phone, key_id, request.phone_code_hash, now=now), None)


@handles(functions.auth.CancelCodeRequest, authorized=False)
def cancel_code(call: Call, request: Any) -> Any:
    phone = _number(call, request.phone_number)
    call.world.codes.cancel(phone, call.authorization.key.id, request.phone_code_hash, now=call.clock.wall())
    return True


@handles(functions.auth.SignInRequest, authorized=False)
def sign_in(call: Call, request: Any) -> Any:
    phone = _number(call, request.phone_number)
    sent = call.world.codes.enter(
        phone,
        call.authorization.key.id,
        request.phone_code_hash,
        request.phone_code or "",
        now=call.clock.wall(),
    )
    account = call.world.account_of(phone)
    if account is None:
        return types.auth.AuthorizationSignUpRequired()
    if call.world.is_banned(phone):
        raise RpcError(400, "PHONE_NUMBER_BANNED")
    call.world.codes.use(sent)
    return enter(call, account)


@handles(functions.auth.SignUpRequest, authorized=False)
def sign_up(call: Call, request: Any) -> Any:
    """After signIn said that the number has no account. Raises PHONE_NUMBER_OCCUPIED, FIRSTNAME_INVALID."""
    phone = _number(call, request.phone_number)
    key_id, now = call.authorization.key.id, call.clock.wall()
    sent = call.world.codes.entered(phone, key_id, request.phone_code_hash, now=now)
    if call.world.account_of(phone) is not None:
        raise RpcError(400, "PHONE_NUMBER_OCCUPIED")
    if not request.first_name.strip():
        raise RpcError(400, "FIRSTNAME_INVALID")
    call.world.codes.use(sent)
    account = call.world.add_account(phone, first_name=request.first_name, last_name=request.last_name or None)
    return admit(call, account)


@handles(functions.auth.ImportBotAuthorizationRequest, authorized=False)
def import_bot_authorization(call: Call, request: Any) -> Any:
    bot = call.world.bot_with(request.bot_auth_token)
    if bot is None:
        raise RpcError(400, "ACCESS_TOKEN_INVALID")
    if bot.bot_token_expired:
        raise RpcError(400, "ACCESS_TOKEN_EXPIRED")
    if bot.home_dc != call.dc_id:
        raise RpcError(303, f"USER_MIGRATE_{bot.home_dc}")
    return admit(call, bot)


@handles(functions.auth.LogOutRequest)
def log_out(call: Call, request: Any) -> Any:
    """Ends the login on every data center. An account with a password gets a token for its next login."""
    account = call.world.accounts[call.user_id]
    mine = login(call)
    call.after(lambda: call.telegram.end(mine, RpcError(401, "AUTH_KEY_UNREGISTERED")))
    token = call.world.future_tokens.issue(account.id) if account.password is not None else None
    return types.auth.LoggedOut(future_auth_token=token)


@handles(functions.auth.ExportAuthorizationRequest)
def export_authorization(call: Call, request: Any) -> Any:
    known = {address.dc_id for address in call.telegram.network.addresses}
    if request.dc_id == call.dc_id or request.dc_id not in known:
        raise RpcError(400, "DC_ID_INVALID")
    value = call.world.exports.export(call.user_id, request.dc_id, login(call), now=call.clock.wall())
    return types.auth.ExportedAuthorization(id=call.user_id, bytes=value)


@handles(functions.auth.ImportAuthorizationRequest, authorized=False)
def import_authorization(call: Call, request: Any) -> Any:
    """Once, here, and only while the login it came from lives."""
    export = call.world.exports.redeem(request.id, call.dc_id, request.bytes, now=call.clock.wall())
    if not export.origin.is_logged_in:
        raise RpcError(400, "AUTH_BYTES_INVALID")
    call.authorization.log_in(export.user_id, at=export.origin.created_at, origin=export.origin)
    return greeting(call, call.world.accounts[export.user_id])


def _number(call: Call, given: str) -> str:
    """The digits of a number, on the data center where it belongs. Raises RpcError 400 PHONE_NUMBER_INVALID, 303
    PHONE_MIGRATE_X."""
    phone = numbers.normal(given)
    account = call.world.account_of(phone)
    home = account.home_dc if account else call.world.home_dc_of(phone)
    if home != call.dc_id:
        raise RpcError(303, f"PHONE_MIGRATE_{home}")
    return phone


def _announce(call: Call, sent: SentCode, account: Account | None) -> Any:
    """auth.SentCode; a code by the app is told to the account's devices, as a notice that is no message of theirs."""
    call.telegram.stats.codes_sent += 1
    if sent.way == "app" and account is not None:
        notice = types.UpdateServiceNotification(
            type="logincode",
            message=f"Login code: {sent.code}. Do not give this code to anyone!",
            media=types.MessageMediaEmpty(),
            entities=[],
            inbox_date=call.world.now,
        )
        call.telegram.push(account.id, lambda _: _numbered(call, notice))
    next_way = NEXT_WAY[sent.way]
    next_type = _WAYS[next_way][1] if next_way else None
    return types.auth.SentCode(
        type=_WAYS[sent.way][0](length=len(sent.code)),
        phone_code_hash=sent.hash,
        next_type=next_type() if next_type else None,
        timeout=_RESEND_AFTER if next_type else None,
    )


def _numbered(call: Call, update: Any) -> Any:
    return types.Updates(updates=[update], users=[], chats=[], date=call.world.now, seq=0)
