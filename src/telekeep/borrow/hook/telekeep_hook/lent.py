"""What becomes of one Telethon client under `telekeep run`: it gets the loan, is refused, or stays as it was made.

A client is given the loan when it is made. If a bot token comes before it has connected, it turns out to be a bot's:
then it is made again, as it was asked for, and what was set up on it meanwhile stays. Nothing is refused before it
connects, because until then it may still be such a client.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from .first import be_the_first
from .refusal import Refused, ended
from .sessions import File, fill, let_go, reopen
from .standing import EMPTY, OURS, UNKNOWN, Standing, is_token_of, refusal, standing

Line = Any  # a connection class of Telethon
_NOWHERE = {"proxy": None, "local_addr": None, "use_ipv6": False}  # options that could send a loan elsewhere
_BUILT = ("_event_builders",)  # what a program sets up on a client by changing it in place


def of(client: Any) -> Lent | None:
    """What the client is on, None if it is not our business (any more)."""
    found: Lent | None = client._telekeep
    return found


class Lent:
    """A client on a loan, or one that is waiting to be refused.

    ``init``: Telethon's own ``__init__``; ``asked``: what the program gave it.
    """

    def __init__(self, client: Any, plan: dict[str, Any], line: Line, init: Any, asked: tuple[Any, ...]) -> None:
        self._client = client
        self._plan = plan
        self._line = line
        self._init = init
        self._asked = asked
        self._before: tuple[Any, ...] | None = None  # what a session that is changed in place was
        self._made: dict[str, Any] = {}  # its attributes as it was made
        self._connected = False
        self.standing = Standing(EMPTY)
        self.what = ""  # the session it was made with, in words

    def __repr__(self) -> str:
        return f"<Lent: {self.standing!r}>"

    # ---- being made

    def begin(self) -> None:
        """Make the client, on the loan."""
        session, api_id, api_hash, options = self._asked
        with suppress(TypeError, ValueError, OverflowError):
            api_id = int(api_id) if int(api_id) > 0 else None
        if not api_id or not isinstance(api_id, int):
            api_id = self._plan["api_id"]
        if not isinstance(api_hash, str) or not api_hash:
            api_hash = self._plan["api_hash"]
        given = {**options, **_NOWHERE, "connection": self._line}
        self._init(self._client, self._lent_session(session), api_id, api_hash, **given)
        self._made = dict(vars(self._client))
        self._session = self._client.session
        self._address = _address(self._session)

    def _lent_session(self, session: Any) -> Any:
        """A session with the loan in it for what the program asked for; its own objects are changed only if nothing
        but this process knows of them.
        """
        from telethon.sessions import MemorySession, SQLiteSession, StringSession
        from telethon.sessions.abstract import Session

        if session is None:
            session = MemorySession()
        elif isinstance(session, (str, os.PathLike)):
            session = SQLiteSession(os.fspath(session))
        if not isinstance(session, Session):
            return session  # Telethon says what it thinks of that
        file = getattr(session, "_telekeep", None)
        if file is not None:
            self.standing, self.what = file.standing, f"The session file {file.path}"
        else:
            self._judge(session)
        if self.standing.kind not in (OURS, EMPTY):
            return MemorySession()
        in_memory = isinstance(session, SQLiteSession) and session.filename == ":memory:"
        if type(session) in (StringSession, MemorySession) or in_memory:
            self._before = session, session.dc_id, session.server_address, session.port, session.auth_key
        elif file is None:
            session = StringSession() if isinstance(session, StringSession) else MemorySession()
        fill(session, self._plan)
        return session

    def _judge(self, session: Any) -> None:
        key = session.auth_key
        address = session.server_address, session.port
        self.standing = standing(self._plan, key.key if key else None, address=address)
        self.what = f"The session that this program brings ({type(session).__name__})"

    # ---- being used

    def settle(self) -> None:
        """Before it connects: it has the loan, goes to the gateway, and is the only account. Raises Refused."""
        if self.standing.kind not in (OURS, EMPTY):
            raise Refused(*refusal(self._plan, self.standing, self.what))
        if self.standing.kind == EMPTY:
            file = getattr(self._session, "_telekeep", None)
            be_the_first(self._plan, file.path if file is not None else "a session without a name")
        client = self._client
        client.session = self._session
        fill(client.session, self._plan)
        client._sender.auth_key.key = bytes.fromhex(self._plan["key"])
        client._connection, client._proxy, client._local_addr, client._use_ipv6 = self._line, None, None, False
        self._connected = True

    def raise_if_ended(self, error: Exception) -> None:
        """Say it in words if connecting failed because the loan is over."""
        from telethon.errors import RPCError

        unknown = type(error).__name__ in ("AuthKeyNotFound", "AuthKeyUnregisteredError")
        if unknown or (isinstance(error, RPCError) and "LOAN_" in str(error)):
            raise self.ended() from error

    async def look_after_reconnecting(self) -> None:
        """A loan that has ended meanwhile would be noticed by a client that only listens after a quarter of an hour."""
        from telethon.errors import RPCError
        from telethon.tl.functions.updates import GetStateRequest

        try:
            await self._client(GetStateRequest())
        except RPCError as error:
            self.raise_if_ended(error)
        except ConnectionError:  # lost again, and this is called again
            pass

    def ended(self) -> Refused:
        return ended(self._plan["name"])

    def dc(self, dc_id: int) -> Any:
        """Where the gateway has this data center."""
        from telethon.tl.types import DcOption

        for each in self._plan["dcs"]:
            if each["id"] == dc_id:
                return DcOption(id=dc_id, ip_address=each["host"], port=each["port"])
        raise ValueError(f"Failed to get DC {dc_id}")

    # ---- logging in, which is done

    async def started(self) -> Any:
        """What ``start()`` gives: the client, connected. Nobody is asked anything."""
        if not self._client.is_connected():
            await self._client.connect()
        await self.own_user()
        return self._client

    async def own_user(self) -> Any:
        me = await self._client.get_me()
        if me is None:
            raise self.ended()
        return me

    def gives_way_to(self, token: str) -> bool:
        """A bot token has come. True if the client is a bot's own from now on; False if the loan is that bot's.

        Raises Refused if the client is anybody else's, or has connected already: a bot must not act as the user.
        """
        plan, found = self._plan, self.standing
        if found.kind in (OURS, EMPTY) and is_token_of(plan, token):
            return False
        if found.kind not in (EMPTY, UNKNOWN):
            if found.kind != OURS:
                raise Refused(*refusal(plan, found, self.what))
            raise Refused(
                f"{self.what} is that of {plan['name']!r}, and the program starts a bot with it.",
                "Give the bot a session name of its own.",
            )
        if self._connected:
            raise Refused(
                f"A bot would log in on a client that is connected on the loan of {plan['name']!r}, and act as it.",
                "Give the token in start(bot_token=…), before anything else is asked of the client.",
            )
        if found.user_id is not None and token.partition(":")[0].strip() != str(found.user_id):
            raise Refused(*refusal(plan, found, self.what))
        self._give_back()
        return True

    def _give_back(self) -> None:
        """Make the client again as the program asked for it, with what was set up on it meanwhile."""
        client = self._client
        session, api_id, api_hash, options = self._asked
        address = _address(self._session)
        changed = {name: each for name, each in vars(client).items() if self._made.get(name) is not each}
        kept = {name: getattr(client, name) for name in _BUILT if hasattr(client, name)}
        if self._before is not None:
            self._before[0].set_dc(*self._before[1:4])
            self._before[0].auth_key = self._before[4]
        File.open_as_asked = True
        try:
            self._let_go_of_file()
            client._telekeep = None
            self._init(client, session, api_id, api_hash, **options)
        finally:
            File.open_as_asked = False
        if address != self._address:  # the program has set it meanwhile
            client.session.set_dc(*address)
        vars(client).update({**changed, **kept, "_telekeep": None})

    def _let_go_of_file(self) -> None:
        from .files import release

        for each in (self._session, self._asked[0]):
            file = getattr(each, "_telekeep", None)
            if file is not None:
                release(self._plan["files"], file.path)
                (reopen if each is self._asked[0] else let_go)(each)


def _address(session: Any) -> tuple[Any, ...]:
    return session.dc_id, session.server_address, session.port
