"""What becomes of Telethon's classes, 1.26 to 1.45: clients and session files get the loan, whatever they ask for.

Few methods are wrapped, where Telethon defines them, so that subclasses and `telethon.sync` go through them too. What
one client makes of it is decided in `lent`.
"""

from __future__ import annotations

import functools
from typing import Any

from .lent import Lent, Line, of
from .refusal import Refused
from .sessions import wrap


def install(module: Any, plan: dict[str, Any]) -> None:
    """Give clients of the ``telethon`` package that was just imported the loan of ``plan``."""
    try:
        from telethon.client.auth import AuthMethods
        from telethon.client.telegrambaseclient import TelegramBaseClient
        from telethon.client.updates import UpdateMethods
        from telethon.crypto import rsa
        from telethon.network import ConnectionTcpAbridged
        from telethon.sessions import SQLiteSession
    except ImportError:
        release = getattr(module, "__version__", "unknown")
        raise Refused(
            f"Telethon {release} is none that can run on a loan.", "Releases from 1.26 to 1.45 can."
        ) from None
    rsa.add_key(plan["rsa"], old=False)
    line = guarded(ConnectionTcpAbridged, {(each["host"], each["port"]) for each in plan["dcs"]})
    wrap(SQLiteSession, plan)
    _wrap_client(TelegramBaseClient, UpdateMethods, plan, line)
    _wrap_login(AuthMethods)


# ---- clients


def guarded(kind: Any, addresses: set[tuple[str, int]]) -> Any:
    """A connection class that goes to one of these ``addresses`` of the gateway, itself, and nowhere else."""

    class ConnectionToGateway(kind):  # type: ignore[misc]
        # Telethon changes the proxy of a connection that is there: what is set here is not taken
        _proxy = _local_addr = property(lambda self: None, lambda self, value: None)

        def __init__(self, ip: str, port: int, dc_id: int, *, loggers: Any, **_options: Any) -> None:
            super().__init__(ip, port, dc_id, loggers=loggers)

        async def connect(self, timeout: Any = None, ssl: Any = None) -> None:
            if (self._ip, self._port) not in addresses:
                raise ConnectionError("a loan is worth nothing but at its gateway")
            await super().connect(timeout=timeout)

    return ConnectionToGateway


def _wrap_client(kind: Any, updates: Any, plan: dict[str, Any], line: Line) -> None:
    init, connect, set_proxy = kind.__init__, kind.connect, kind.set_proxy
    reconnected = updates._handle_auto_reconnect
    get_dc, switch_dc, key_made = kind._get_dc, kind._switch_dc, kind._auth_key_callback

    @functools.wraps(init)
    def __init__(self: Any, session: Any, api_id: Any, api_hash: Any, **options: Any) -> None:
        if any(each.__module__.partition(".")[0] == "telekeep" for each in type(self).__mro__):
            init(self, session, api_id, api_hash, **options)  # a client of telekeep's own knows what it does
            return
        self._telekeep = Lent(self, plan, line, init, (session, api_id, api_hash, options))
        self._telekeep.begin()

    @functools.wraps(connect)
    async def connected(self: Any) -> Any:
        lent = of(self)
        if lent is None or self.session is None:
            return await connect(self)
        lent.settle()
        try:
            return await connect(self)
        except Exception as error:
            lent.raise_if_ended(error)
            raise

    @functools.wraps(set_proxy)
    def proxied(self: Any, proxy: Any) -> None:
        if of(self) is None:
            set_proxy(self, proxy)

    @functools.wraps(get_dc)
    async def found_dc(self: Any, dc_id: int, *args: Any, **options: Any) -> Any:
        lent = of(self)  # not what Telethon keeps on the class: a bot beside it knows Telegram's own addresses
        return await get_dc(self, dc_id, *args, **options) if lent is None else lent.dc(dc_id)

    @functools.wraps(switch_dc)
    async def switched(self: Any, new_dc: int) -> Any:
        if of(self) is None:
            return await switch_dc(self, new_dc)
        raise ConnectionError("a loan stays at its data center")  # Telethon would throw its key away

    @functools.wraps(key_made)
    def made(self: Any, auth_key: Any) -> Any:
        lent = of(self)
        if lent is None:
            return key_made(self, auth_key)
        raise lent.ended()  # the gateway knows the loan no more, and Telethon has agreed on a new key

    @functools.wraps(reconnected)
    async def back(self: Any) -> None:
        await reconnected(self)
        lent = of(self)
        if lent is not None:
            await lent.look_after_reconnecting()

    kind._telekeep = None
    updates._handle_auto_reconnect = back
    kind.__init__, kind.connect, kind.set_proxy = __init__, connected, proxied
    kind._get_dc, kind._switch_dc, kind._auth_key_callback = found_dc, switched, made


def _wrap_login(kind: Any) -> None:
    """Nobody logs in on a loan. A bot token gives a client back what it was made with, or ends the program."""
    start, sign_in = kind.start, kind.sign_in

    @functools.wraps(start)
    def started(self: Any, *args: Any, **options: Any) -> Any:
        phone = args[0] if args else options.get("phone")
        token = options.get("bot_token") or (phone if isinstance(phone, str) and ":" in phone else None)
        lent = of(self)
        if lent is None or (token and lent.gives_way_to(token)):
            return start(self, *args, **options)
        coroutine = lent.started()
        return coroutine if self.loop.is_running() else self.loop.run_until_complete(coroutine)

    @functools.wraps(sign_in)
    async def signed_in(self: Any, *args: Any, bot_token: Any = None, **options: Any) -> Any:
        lent = of(self)
        if lent is None or (bot_token and lent.gives_way_to(bot_token)):
            return await sign_in(self, *args, bot_token=bot_token, **options)
        return await lent.own_user()

    kind.start, kind.sign_in = started, signed_in
