"""What the world and the services see of the emulator. (`cluster.Emulator` is the one that implements it.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from telekeep.clock import Clock
from telekeep.emulator.authorization import Authorization
from telekeep.emulator.rpc_error import RpcError
from telekeep.emulator.stats import Stats
from telekeep.session.network import Network


class Telegram(Protocol):
    """The emulator, as services see it."""

    @property
    def clock(self) -> Clock:
        """The emulator's clock. `Emulator.advance` moves it."""

    @property
    def network(self) -> Network: ...

    @property
    def stats(self) -> Stats: ...

    @property
    def devices_lag(self) -> float:
        """Seconds by which the last use of a login, as shown under Devices, may lag behind; see `Emulator`."""

    @property
    def home_dc(self) -> int:
        """Where accounts live whose phone number does not say."""

    def authorizations(self, account: Any) -> list[Authorization]:
        """The living logins of an account (an object with ``.id``, or the id), oldest first, as under Devices.

        Keys that were exported to other data centers belong to one of these (`Authorization.origin`), and are not
        listed.
        """

    def by_hash(self, account: Any, number: int) -> Authorization | None:
        """The living login with this `Authorization.hash`."""

    def end(self, authorization: Authorization, error: RpcError) -> None:
        """End an authorization and those exported from it: ``error`` answers every request from now on."""

    def push(
        self,
        account_id: int,
        updates: Any | Callable[[Authorization], Any],
        *,
        skip: Any = None,
        only: Authorization | None = None,
    ) -> None:
        """Send updates to the last active connection of each login of an account, of those that want updates
        (core.telegram.org/api/updates: "into the last active connection (except for connections needed for
        downloading / uploading files)").

        ``updates``: an Updates object, or a function that makes one for each authorization (access hashes differ).
        Where it has a ``seq``, the authorization's own next number is filled in, but not for what
        is of channels only. ``skip``: the connection that gets
        them as its answer, and so nothing twice. ``only``: one authorization (it need not be logged in:
        updateLoginToken).
        """
