"""account.* and auth.resetAuthorizations: the devices of an account, and what becomes of idle ones."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.dispatcher import Call, RpcError, handles
from telekeep.emulator.services.asking import login, seasoned, view
from telekeep.mtproto.schema import functions, types

_REVOKED = RpcError(401, "SESSION_REVOKED")  # "because of the user terminating" it, as the list of errors has it


@handles(functions.account.GetAuthorizationsRequest)
def get_authorizations(call: Call, request: Any) -> Any:
    """All logins; exported keys belong to theirs and are no entry. The asking one has hash 0: it cannot be reset."""
    seen = view(call, people_only=True)
    mine = login(call)
    return types.account.Authorizations(
        authorization_ttl_days=seen.account.ttl_days,
        authorizations=[device(each, is_current=each is mine) for each in call.telegram.authorizations(seen.account)],
    )


@handles(functions.account.ResetAuthorizationRequest)
def reset_authorization(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    seasoned(call)
    other = call.telegram.by_hash(seen.account, request.hash) if request.hash else None
    if other is None or other is login(call):
        raise RpcError(400, "HASH_INVALID")
    call.telegram.end(other, _REVOKED)
    return True


@handles(functions.auth.ResetAuthorizationsRequest)
def reset_authorizations(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    seasoned(call)
    for other in call.telegram.authorizations(seen.account):
        if other is not login(call):
            call.telegram.end(other, _REVOKED)
    return True


@handles(functions.account.SetAuthorizationTTLRequest)
def set_authorization_ttl(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    if not 1 <= request.authorization_ttl_days <= 366:
        raise RpcError(400, "TTL_DAYS_INVALID")
    seasoned(call)
    seen.account.ttl_days = request.authorization_ttl_days
    return True


@handles(functions.account.GetAccountTTLRequest)
def get_account_ttl(call: Call, request: Any) -> Any:
    return types.AccountDaysTTL(days=view(call, people_only=True).account.delete_after_days)


@handles(functions.account.SetAccountTTLRequest)
def set_account_ttl(call: Call, request: Any) -> Any:
    seen = view(call, people_only=True)
    if not 30 <= request.ttl.days <= 730:
        raise RpcError(400, "TTL_DAYS_INVALID")
    seen.account.delete_after_days = request.ttl.days
    return True


@handles(functions.account.UpdateStatusRequest)
def update_status(call: Call, request: Any) -> Any:
    view(call, people_only=True).account.online = not request.offline
    return True


def device(authorization: Authorization, *, is_current: bool = False) -> Any:
    """An authorization as Telegram lists it under Devices."""
    application = authorization.application
    return types.Authorization(
        hash=0 if is_current else authorization.hash,
        current=is_current or None,
        device_model=application.device_model if application else "",
        platform="",
        system_version=application.system_version if application else "",
        api_id=application.api_id if application else 0,
        app_name=f"api id {application.api_id}" if application else "",
        app_version=application.app_version if application else "",
        date_created=int(authorization.created_at or authorization.made_at),
        date_active=int(authorization.active_at),
        ip=authorization.ip,
        country="",
        region="",
    )
