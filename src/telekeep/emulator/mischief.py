"""Faults carried out: which logins end, which lines are cut, which request is spoiled."""

from __future__ import annotations

from typing import Any

from telekeep.emulator.authorization import Authorization
from telekeep.emulator.faults import BEFORE_AN_ACCOUNT, Fault, Faults, phone_digits
from telekeep.emulator.registry import Registry
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.telegram import Telegram
from telekeep.emulator.world import World
from telekeep.errors import ConfigError
from telekeep.mtproto.schema import method_name


class Mischief:
    """The faults of one emulator, at work."""

    def __init__(self, telegram: Telegram, world: World, registry: Registry) -> None:
        self._telegram = telegram
        self._world = world
        self._registry = registry
        self.waiting = Faults()

    def set(self, fault: Fault) -> None:
        """Carry out at once what needs no request; let the rest wait for its requests.

        Raises ConfigError if it names a phone number that it could never meet.
        """
        self._check_phone(fault)
        if fault.method is None and fault.ends:
            if fault.kind == "ban":
                self._ban(fault.phone)
            for authorization in self._logins(fault.phone):
                self.end(fault, authorization)
            return
        if fault.method is None and fault.kind == "close" and self._cut(self._logins(fault.phone)):
            fault.times -= 1
        if fault.times:
            self.waiting.add(fault)

    def _check_phone(self, fault: Fault) -> None:
        """A number needs an account, or a method that is asked before there is one."""
        if fault.phone is None or fault.method in BEFORE_AN_ACCOUNT:
            return
        if all(phone_digits(each.phone) != fault.phone for each in self._world.accounts.values()):
            raise ConfigError(
                f"No account has the number {fault.phone}: the fault {fault.kind} would never meet anybody.",
                remedy="Make the account first, or name a method that comes before it, as auth.sendCode.",
            )

    def meet(self, authorization: Authorization, request: Any) -> Fault | None:
        """The fault that this request meets, if any."""
        account = self._world.accounts.get(authorization.user_id or authorization.pending_user_id or 0)
        return self.waiting.take(
            method_name(type(request)),
            account.phone if account else None,
            getattr(request, "phone_number", None),
        )

    def end(self, fault: Fault, authorization: Authorization) -> None:
        """End one login as this fault does."""
        if fault.kind == "forget":
            self._registry.forget(authorization)
            return
        if fault.kind == "ban" and authorization.user_id is not None:
            self._world.ban(authorization.user_id)
        self._telegram.end(authorization, fault.error)

    def migration(self, authorization: Authorization, request: Any) -> RpcError:
        """The 303 that sends a client to another data center."""
        others = {each.dc_id for each in self._telegram.network.addresses} - {authorization.dc_id}
        before = "PHONE" if hasattr(request, "phone_number") else "NETWORK"
        kind = "USER" if authorization.is_logged_in else before
        return RpcError(303, f"{kind}_MIGRATE_{min(others, default=authorization.dc_id)}")

    def _logins(self, phone: str | None) -> list[Authorization]:
        found = list(self._registry.logins())
        return found if phone is None else [each for each in found if self._phone_of(each) == phone]

    def _phone_of(self, authorization: Authorization) -> str | None:
        account = self._world.accounts.get(authorization.user_id or 0)
        return phone_digits(account.phone) if account else None

    def _ban(self, phone: str | None) -> None:
        """Logged in or not: a banned number gets no code either."""
        for account in list(self._world.accounts.values()):
            if phone is None or phone_digits(account.phone) == phone:
                self._world.ban(account.id)

    def _cut(self, authorizations: list[Authorization]) -> bool:
        """Close the lines of these logins. Whether there were any."""
        keys = [key for each in authorizations for key in (each, *self._registry.exported_from(each))]
        lines = {line for key in keys for line in self._registry.lines_of(key)}
        for line in lines:
            line.close("fault: close", abort=True)
        return bool(lines)
