"""Devices without a wire: each request goes straight to its handler, and its answer through the packer and back."""

from __future__ import annotations

import os
import time
from typing import Any

from telekeep.emulator import services
from telekeep.emulator.authorization import Authorization
from telekeep.emulator.clock import MovableClock
from telekeep.emulator.dispatcher import Call, handler_of
from telekeep.emulator.render.updates import is_numbered
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.stats import Stats
from telekeep.emulator.world import Account, World
from telekeep.mtproto.schema import pack, read
from telekeep.session.network import Address, Network
from telekeep.testing.fakes import ManualClock


class Device:
    """One auth key on one data center, and the updates it was pushed."""

    def __init__(self, bench: Bench, dc_id: int) -> None:
        self.bench = bench
        self.dc_id = dc_id
        self.authorization = Authorization(os.urandom(256), dc_id=dc_id, made_at=bench.clock.wall())
        self.updates: list[Any] = []

    def __call__(self, request: Any) -> Any:
        """The answer, after a round trip through bytes; lists stay lists. Raises RpcError."""
        request = read(bytes(request))
        registered = handler_of(type(request))
        assert registered is not None, f"no handler for {type(request).__name__}"
        if self.authorization.ended is not None:
            raise self.authorization.ended
        if registered.authorized and self.authorization.user_id is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        call = Call(self.bench, self.bench.world, self.authorization, self, self.dc_id, 0)
        result = registered.handler(call, request)
        for callback in call.callbacks or ():
            callback()
        if isinstance(result, bool):
            return result
        if isinstance(result, list):
            return [read(bytes(each)) for each in result]
        return read(pack(result))

    def refused(self, request: Any) -> str:
        """The name of the error the request is answered with."""
        try:
            answer = self(request)
        except RpcError as error:
            return error.message
        raise AssertionError(f"answered with {type(answer).__name__}")


class Bench:
    """What `telekeep.emulator.telegram.Telegram` asks for, without connections."""

    home_dc = 2

    def __init__(self) -> None:
        self.clock = MovableClock(ManualClock(wall=time.time()))  # nothing passes but what a test lets pass
        self.stats = Stats()
        self.network = Network("bench", tuple(Address(dc, "127.0.0.1", 440 + dc, media=dc > 5) for dc in (2, 4)))
        self.devices: list[Device] = []
        self.world = World(self)
        services.attach(self, self.world)

    def device(self, account: Account | None = None, *, dc: int | None = None) -> Device:
        """A new key; logged in, a day and a bit ago, if there is an account."""
        device = Device(self, dc or (account.home_dc if account else self.home_dc))
        if account is not None:
            device.authorization.log_in(account.id, at=self.clock.wall() - 90_000)
        self.devices.append(device)
        return device

    # ---- Telegram

    def authorizations(self, account: Any) -> list[Authorization]:
        keys = [device.authorization for device in self.devices]
        return [each for each in keys if each.is_logged_in and each.user_id == account.id and each.origin is None]

    def by_hash(self, account: Any, number: int) -> Authorization | None:
        return next((each for each in self.authorizations(account) if each.hash == number), None)

    def end(self, authorization: Authorization, error: RpcError, *, spare: Any = None) -> None:
        for device in self.devices:
            if authorization in (device.authorization, device.authorization.origin):
                device.authorization.ended = error

    def push(self, account_id: int, updates: Any, *, skip: Any = None, only: Any = None) -> None:
        for device in self.devices:
            key = device.authorization
            wanted = key is only if only else key.is_logged_in and key.user_id == account_id
            if not wanted or device is skip:
                continue
            made = updates(key) if callable(updates) else updates
            if is_numbered(made):
                key.seq += 1
                made.seq = key.seq
            device.updates.append(read(bytes(made)))
