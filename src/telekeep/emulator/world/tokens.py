"""Tokens that carry a login from one key to another: QR codes, exported authorizations, logout tokens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.rpc_error import RpcError


@dataclass(slots=True)
class LoginToken:
    """What a QR code shows (core.telegram.org/api/qr-login).

    ``waiter``: the authorization that shows it; ``accepted_by``: the account whose device scanned it.
    """

    value: bytes
    waiter: Authorization
    expires_at: float
    except_ids: frozenset[int] = frozenset()
    accepted_by: int | None = None


class LoginTokens:
    """QR logins under way: one token for each key that waits."""

    SCAN_WITHIN = 30.0
    """Seconds in which a token must be accepted."""

    FINISH_WITHIN = 300.0
    """Seconds from then on in which the login must be taken up."""

    def __init__(self) -> None:
        self._by_value: dict[bytes, LoginToken] = {}
        self._by_key: dict[int, LoginToken] = {}

    def export(self, waiter: Authorization, *, except_ids: frozenset[int], now: float) -> LoginToken:
        """The accepted token of this key if there is one, else a new one, which voids the key's earlier one."""
        old = self._by_key.get(waiter.key.id)
        if old is not None:
            if old.accepted_by is not None and now < old.expires_at:
                return old
            self._forget(old)
        token = LoginToken(secrets.token_bytes(32), waiter, now + self.SCAN_WITHIN, except_ids)
        self._by_value[token.value] = self._by_key[waiter.key.id] = token
        return token

    def accept(self, value: bytes, account_id: int, *, now: float) -> LoginToken:
        """The account's device has scanned it.

        Raises RpcError 400: AUTH_TOKEN_INVALID, AUTH_TOKEN_EXPIRED, AUTH_TOKEN_ALREADY_ACCEPTED, AUTH_TOKEN_EXCEPTION
        (the waiting client said that it has this account already).
        """
        token = self._living(value, now)
        if token.accepted_by is not None:
            raise RpcError(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
        if account_id in token.except_ids:
            raise RpcError(400, "AUTH_TOKEN_EXCEPTION")
        token.accepted_by = account_id
        token.expires_at = now + self.FINISH_WITHIN
        return token

    def accepted(self, value: bytes, *, now: float) -> LoginToken:
        """An accepted token. Raises RpcError 400: AUTH_TOKEN_INVALID, AUTH_TOKEN_EXPIRED."""
        token = self._living(value, now)
        if token.accepted_by is None:
            raise RpcError(400, "AUTH_TOKEN_INVALID")
        return token

    def redeem(self, token: LoginToken) -> None:
        """The login was taken up, which happens once."""
        self._forget(token)

    def _living(self, value: bytes, now: float) -> LoginToken:
        token = self._by_value.get(value)
        if token is None:
            raise RpcError(400, "AUTH_TOKEN_INVALID")
        if now >= token.expires_at:
            raise RpcError(400, "AUTH_TOKEN_EXPIRED")
        return token

    def _forget(self, token: LoginToken) -> None:
        self._by_value.pop(token.value, None)
        if self._by_key.get(token.waiter.key.id) is token:
            del self._by_key[token.waiter.key.id]


@dataclass(frozen=True, slots=True)
class Export:
    """A login on its way to another data center (auth.exportAuthorization)."""

    user_id: int
    dc_id: int
    origin: Authorization
    expires_at: float


class Exports:
    """Exported authorizations that were not imported yet."""

    WITHIN = 60.0
    """Seconds in which it must be imported. Telegram names no figure; clients import at once."""

    def __init__(self) -> None:
        self._exports: dict[bytes, Export] = {}

    def export(self, user_id: int, dc_id: int, origin: Authorization, *, now: float) -> bytes:
        value = secrets.token_bytes(128)
        self._exports[value] = Export(user_id, dc_id, origin, now + self.WITHIN)
        return value

    def redeem(self, user_id: int, dc_id: int, value: bytes, *, now: float) -> Export:
        """Raises RpcError 400 AUTH_BYTES_INVALID if used before, made for another user or data center, or too old."""
        export = self._exports.pop(value, None)
        if export is None or export.user_id != user_id or export.dc_id != dc_id or now >= export.expires_at:
            raise RpcError(400, "AUTH_BYTES_INVALID")
        return export


@dataclass(slots=True)
class FutureTokens:
    """What logging out of an account with a password leaves behind: the next login may do without a code
    (core.telegram.org/api/auth#future-auth-tokens). Each is good for one login."""

    _tokens: dict[bytes, int] = field(default_factory=dict)

    def issue(self, account_id: int) -> bytes:
        value = secrets.token_bytes(32)
        self._tokens[value] = account_id
        return value

    def redeem(self, values: list[bytes], account_id: int) -> bool:
        """Whether one of ``values`` belongs to the account; that one is used up."""
        for value in values:
            if self._tokens.get(value) == account_id:
                del self._tokens[value]
                return True
        return False
