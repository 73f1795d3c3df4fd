"""What becomes of Pyrogram's classes, as kurigram has them: clients get the loan, whatever session they ask for.

A client is looked at when it opens its storage, which is before it connects. From then on its storage is the loan in
memory, and each of its connections goes to the gateway: the address that it is told is not looked at. kurigram 2.2.10
and newer; Pyrogram itself keeps no address in its sessions, and knows no gateway.
"""

from __future__ import annotations

import functools
import inspect
import os
from typing import Any

from .first import be_the_first
from .kurigram_line import Quiet, guarded, rsa_key
from .kurigram_sessions import brought, lent_storage
from .refusal import ENDED, Refused, ended
from .standing import EMPTY, KEPT, OURS, UNKNOWN, UNREADABLE, Standing, is_token_of, key_id, refusal

_OVER = ("LOAN_EXPIRED", "LOAN_REVOKED", "LOAN_LOGGED_OUT")


def install(module: Any, plan: dict[str, Any]) -> None:
    """Give clients of the ``pyrogram`` package that was just imported the loan of ``plan``."""
    storage = getattr(getattr(module, "storage", None), "SQLiteStorage", None)
    if not hasattr(storage, "server_address"):
        release = getattr(module, "__version__", "unknown")
        raise Refused(
            f"Pyrogram {release} keeps no address in its sessions: a loan would be taken to Telegram itself.",
            "Use its fork kurigram, 2.2.10 or newer (`pip install kurigram`), Telethon, or telekeep.client(NAME).",
        )
    from pyrogram.client import Client
    from pyrogram.connection import Connection
    from pyrogram.crypto import rsa
    from pyrogram.errors import RPCError
    from pyrogram.session import Auth, Session

    modulus, exponent, fingerprint = rsa_key(plan["rsa"])
    rsa.server_public_keys[fingerprint] = rsa.PublicKey(modulus, exponent)
    line = guarded(Connection, plan)
    _wrap_client(Client, plan, line)
    _wrap_sessions(Session, Auth, plan, line)
    _wrap_errors(RPCError, plan)


# ---- clients


def _wrap_client(kind: Any, plan: dict[str, Any], line: Any) -> None:
    load, handle, token_login = kind.load_session, kind.handle_updates, kind.sign_in_bot

    @functools.wraps(load)
    async def loaded(self: Any) -> None:
        if not self._telekeep and not _is_a_bots(self, plan):
            _lend(self, plan)
        if self._telekeep:
            _bind(self, plan, line)
        await load(self)

    @functools.wraps(handle)
    async def handled(self: Any, updates: Any) -> None:
        if self._telekeep and type(updates).__name__ == "UpdatesTooLong":
            await _catch_up(self)
        else:
            await handle(self, updates)

    @functools.wraps(token_login)
    def signed_in(self: Any, bot_token: str) -> Any:
        if not self._telekeep:
            return token_login(self, bot_token)
        if is_token_of(plan, bot_token):
            return self.get_me()
        raise Refused(
            f"A bot would log in on a client that is connected on the loan of {plan['name']!r}, and act as it.",
            "Give the token when the client is made: Client(…, bot_token=…).",
        )

    async def authorized(self: Any, *args: Any, **options: Any) -> Any:
        raise ended(plan["name"])

    def asked(*args: Any, **options: Any) -> Any:
        raise Refused(
            "This program would ask a person for something, and below `telekeep run` nobody is asked.",
            "Give api_id and api_hash when the client is made.",
        )

    for name in ("authorize", "authorize_qr"):
        _only_on_a_loan(kind, name, authorized)
    kind._telekeep = False
    kind._telekeep_catching_up = False
    kind.load_session, kind.handle_updates, kind.sign_in_bot = loaded, handled, signed_in
    inspect.getmodule(kind).ainput = asked  # type: ignore[union-attr]


def _only_on_a_loan(kind: Any, name: str, instead: Any) -> None:
    before = getattr(kind, name, None)
    if before is None:
        return

    @functools.wraps(before)
    def wrapped(self: Any, *args: Any, **options: Any) -> Any:
        return (instead if self._telekeep else before)(self, *args, **options)

    setattr(kind, name, wrapped)


def _is_a_bots(client: Any, plan: dict[str, Any]) -> bool:
    """Whether a client is a bot's own, beside the loan. Raises Refused if it would use somebody's session for it."""
    token = client.bot_token
    if not token or is_token_of(plan, token):
        return False
    found, what = brought(client, plan)
    if found.kind == OURS:
        raise Refused(
            f"{what} is that of {plan['name']!r}, and the program starts a bot with it.",
            "Give the bot a session name of its own.",
        )
    wrong = found.user_id is not None and token.partition(":")[0].strip() != str(found.user_id)
    if found.kind in (KEPT, UNREADABLE) or (found.kind == UNKNOWN and wrong):
        raise Refused(*refusal(plan, found, what))
    return True


def _lend(client: Any, plan: dict[str, Any]) -> None:
    found, what = brought(client, plan)
    if found.kind not in (OURS, EMPTY):
        raise Refused(*refusal(plan, found, what))
    if found.kind == EMPTY:
        be_the_first(plan, what)
    path = what if found.kind == OURS and os.path.isfile(what) else None
    client.storage = lent_storage(plan, client, path)
    client._telekeep = True


def _bind(client: Any, plan: dict[str, Any], line: Any) -> None:
    """Whatever a program set on the client: it goes to the gateway, by itself."""
    client.proxy, client.ipv6, client.test_mode = None, False, False
    client.connection_factory = line
    if not client.protocol_factory.__module__.startswith("pyrogram."):
        from pyrogram.connection.transport import TCPAbridged

        client.protocol_factory = TCPAbridged
    if not plan["user"]["bot"]:
        client.bot_token = None


async def _catch_up(client: Any) -> None:
    """Something was missed while the line was down: kurigram takes no notice of being told so."""
    if client._telekeep_catching_up or not client.is_initialized or client.no_updates:
        return
    client._telekeep_catching_up = True
    try:
        await client.recover_gaps()
    finally:
        client._telekeep_catching_up = False


# ---- connections


def _wrap_sessions(kind: Any, making: Any, plan: dict[str, Any], line: Any) -> None:
    init, restart, receive, make = kind.__init__, kind.restart, kind.recv_worker, making.__init__
    signature = inspect.signature(init)

    @functools.wraps(init)
    def __init__(self: Any, *args: Any, **options: Any) -> None:
        given = signature.bind(self, *args, **options).arguments
        client = given["client"]
        _check_key(client, given["auth_key"], plan)
        if client._telekeep:
            _bind(client, plan, line)
            if given.get("is_media"):
                given["client"] = Quiet(client)
        given.pop("self")
        init(self, **given)

    @functools.wraps(make)
    def made(self: Any, client: Any, dc_id: int, *args: Any, **options: Any) -> None:
        if client._telekeep:
            if dc_id == plan["dcs"][0]["id"]:
                raise ended(plan["name"])  # a key of the client's own is none of the loan's
            _bind(client, plan, line)
        make(self, client, dc_id, *args, **options)

    @functools.wraps(restart)
    async def restarted(self: Any) -> None:
        """kurigram does this in a task of its own: what it raises nobody would hear of."""
        from pyrogram.errors import AuthKeyDuplicated, Unauthorized

        try:
            await restart(self)
        except (AuthKeyDuplicated, Unauthorized) as error:
            if not self.client._telekeep:
                raise
            raise Refused(
                f"The session {plan['name']!r} is over: {error}", f"See: telekeep test {plan['name']}", ENDED
            ) from None

    @functools.wraps(receive)
    async def received(self: Any) -> None:
        try:
            await receive(self)
        except Exception as error:
            if not self.client._telekeep or type(error).__name__ != "AuthKeyNotFound":
                raise
            if self.auth_key.hex() == plan["key"]:
                raise ended(plan["name"]) from None
            _let_go(self)

    kind.__init__, kind.restart, kind.recv_worker, making.__init__ = __init__, restarted, received, made


def _let_go(session: Any) -> None:
    """A key that was made at another data center is forgotten when the daemon starts anew: the next file makes one."""
    client = session.client
    for those in (client.sessions, client.media_sessions):
        if those.get(session.dc_id) is session:
            del those[session.dc_id]
    session._must_stay_stopped = True
    client.loop.create_task(session.stop())  # which waits for the task that we are in


def _check_key(client: Any, key: bytes, plan: dict[str, Any]) -> None:
    """The last look before a key is used: the loan's by clients on it, and none that telekeep keeps by anybody."""
    name = key_id(key)
    if client._telekeep:
        if key.hex() == plan["key"]:
            return
        if name in plan["own_keys"] or name in plan["other_keys"]:
            raise Refused(
                f"This program has put another key into the session of {plan['name']!r} that it was lent.",
                "Take the key out of the program: telekeep has it.",
            )
    elif key.hex() == plan["key"] or name in plan["own_keys"]:
        raise Refused(*refusal(plan, Standing(UNKNOWN), "The session that this program uses"))
    elif name in plan["other_keys"]:
        found = Standing(KEPT, name=plan["other_keys"][name])
        raise Refused(*refusal(plan, found, "The session that this program uses"))


def _wrap_errors(kind: Any, plan: dict[str, Any]) -> None:
    raise_it = kind.raise_it

    @functools.wraps(raise_it)
    def raised(rpc_error: Any, rpc_type: Any) -> None:
        if rpc_error.error_message in _OVER:
            raise ended(plan["name"])
        raise_it(rpc_error, rpc_type)

    kind.raise_it = staticmethod(raised)
