"""Which chat a person means: what the archive knows already, then what the account's dialogs say, then Telegram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from telekeep.errors import NoChat, TelegramRateLimitError, TelekeepError
from telekeep.mtproto.schema import functions, types
from telekeep.work.archive import reading
from telekeep.work.archive.asking import Asking
from telekeep.work.archive.naming import Named, bare, kind_of
from telekeep.work.archive.rows import Chat

_DIALOGS = 100  # that Telegram lists at once


class Place(NamedTuple):
    """A chat, how it is asked for, its newest message, how many it has as Telegram says, and a channel's pts."""

    chat: Chat
    peer: Any
    top: int
    total: int
    pts: int | None


class Finder:
    """See the module. ``known``: the archive's chats."""

    def __init__(self, asking: Asking, known: Mapping[int, Chat], self_id: int) -> None:
        self._asking = asking
        self._known = known
        self._self_id = self_id
        self._dialogs: dict[int, tuple[Chat, Any]] | None = None

    async def find(self, named: Named) -> Place:
        """The chat that is named so. Raises NoChat, and what Telegram says of a chat that may not be read."""
        if named.username == "me":
            return await self._look(None, types.InputPeerSelf())
        for chat in self._known.values():
            if _is_meant(named, chat):
                return await self._known_place(named, chat)
        return await self._new_place(named)

    async def _known_place(self, named: Named, chat: Chat) -> Place:
        try:
            return await self._look(chat, _as_known(chat))
        except TelegramRateLimitError:  # what it is need not be asked
            return Place(chat, _as_known(chat), 0, 0, chat.pts)
        except TelekeepError as error:
            if type(error) is not TelekeepError:
                raise
            return await self._new_place(named)  # its access hash was another authorization's

    async def _new_place(self, named: Named) -> Place:
        if named.username is not None and not (named.title and await self._titled(named)):
            found = await self._resolved(named)
            if found is not None:
                return await self._look(*found)
        for chat, peer in (await self._all_dialogs()).values():
            if _is_meant(named, chat):
                return await self._look(chat, peer)
        raise NoChat(f"This account has no chat called {named.typed!r}.")

    async def _titled(self, named: Named) -> bool:
        return any(chat.title == named.title for chat, _ in (await self._all_dialogs()).values())

    async def _resolved(self, named: Named) -> tuple[Chat, Any] | None:
        for chat, peer in (await self._all_dialogs()).values():  # resolving is what Telegram limits most
            if chat.username and chat.username.lower() == str(named.username).lower():
                return chat, peer
        try:
            found = await self._asking(functions.contacts.ResolveUsernameRequest(named.username))
        except TelekeepError as error:
            if type(error) is TelekeepError:  # no such name
                return None
            raise
        entity = next(iter([*found.users, *found.chats]), None)
        return None if entity is None else (reading.chat(entity), _peer(entity))

    async def _all_dialogs(self) -> dict[int, tuple[Chat, Any]]:
        if self._dialogs is None:
            self._dialogs = {}
            date, offset, peer = None, 0, types.InputPeerEmpty()
            while True:
                request = functions.messages.GetDialogsRequest(
                    offset_date=date, offset_id=offset, offset_peer=peer, limit=_DIALOGS, hash=0
                )
                page = await self._asking(request)
                for entity in [*page.users, *page.chats]:
                    chat = reading.chat(entity)
                    self._dialogs[chat.id] = (chat, _peer(entity))
                tops = {(reading.marked(each.peer_id), each.id): each for each in page.messages}
                if not isinstance(page, types.messages.DialogsSlice) or not page.dialogs:
                    break
                last = page.dialogs[-1]
                chat_id, offset = reading.marked(last.peer), last.top_message
                top = tops.get((chat_id, offset))
                date, peer = top.date if top else None, self._dialogs[chat_id][1]
        return self._dialogs

    async def _look(self, chat: Chat | None, peer: Any) -> Place:
        """Ask for the newest message: whether the chat may be read, and where it stands."""
        page = await self._asking(history(peer, limit=1))
        if chat is None:
            me = next((each for each in page.users if each.id == self._self_id), None)
            chat = reading.chat(me) if me is not None else Chat(self._self_id, "user", "Saved Messages")
        for entity in [*page.users, *page.chats]:
            seen = reading.chat(entity)
            if seen.id == chat.id:
                chat = seen
                peer = peer if isinstance(peer, types.InputPeerSelf) else _peer(entity)
        known = self._known.get(chat.id)
        if known is not None:
            chat = chat._replace(progress=known.progress, pts=known.pts)
        top = page.messages[0].id if page.messages else 0
        return Place(chat, peer, top, getattr(page, "count", len(page.messages)), getattr(page, "pts", None))


def history(peer: Any, *, below: int = 0, skip: int = 0, limit: int) -> Any:
    """The request for the messages of a chat with ids below ``below`` (0: the newest), ``skip`` of them left out."""
    return functions.messages.GetHistoryRequest(
        peer=peer, offset_id=below, offset_date=None, add_offset=skip, limit=limit, max_id=0, min_id=0, hash=0
    )


def _is_meant(named: Named, chat: Chat) -> bool:
    if named.id is not None:
        return chat.id == named.id
    if named.username is not None and (chat.username or "").lower() == named.username.lower():
        return True
    return named.title is not None and chat.title == named.title


def _as_known(chat: Chat) -> Any:
    number = bare(chat.id)
    if kind_of(chat.id) == "user":
        return types.InputPeerUser(number, chat.access_hash or 0)
    if kind_of(chat.id) == "group":
        return types.InputPeerChat(number)
    return types.InputPeerChannel(number, chat.access_hash or 0)


def _peer(entity: Any) -> Any:
    if isinstance(entity, types.User):
        return types.InputPeerUser(entity.id, entity.access_hash or 0)
    if isinstance(entity, types.Channel | types.ChannelForbidden):
        return types.InputPeerChannel(entity.id, entity.access_hash or 0)
    return types.InputPeerChat(entity.id)
