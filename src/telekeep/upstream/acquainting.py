"""The people and chats of an account, fetched anew by an authorization that has met nobody yet.

"Access hashes may not be reused across different accounts or different login/auth sessions of the same account"
(core.telegram.org/api/peers). So whoever an older authorization knew is looked for again: in the dialogs and contacts,
then among the members of basic groups, then, for a few, by user name. Bots may name whom they know without an access
hash, and are asked about them directly (core.telegram.org/api/bots).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from telekeep.clock import Clock
from telekeep.errors import TelegramAuthError, TelegramNetworkError, TelegramRateLimitError, TelekeepError
from telekeep.mtproto.schema import functions, types
from telekeep.session.model import Peer, PeerKind
from telekeep.upstream.fresh import Refusal

Ask = Callable[[Any], Awaitable[Any]]
"""Sends a request, which may be repeated, and returns the answer. Raises telekeep's errors."""

PAGE = 100  # dialogs, or bots' peers, of one request
NAMES = 20  # user names that are looked up; Telegram allows some two hundred a day
GROUPS = 50  # basic groups whose members are asked for
PATIENCE = 60.0  # seconds of a flood wait that are waited out
_ROUNDS = 3  # flood waits in a row
_ARCHIVE = 1  # the folder of archived dialogs

Found = dict[tuple[PeerKind, int], Peer]


class Acquainting:
    """Asks for one authorization. ``found``: whom it knows by now, by kind and id."""

    def __init__(self, ask: Ask, *, clock: Clock, is_bot: bool) -> None:
        self.found: Found = {}
        self._send = ask
        self._clock = clock
        self._is_bot = is_bot

    async def meet(self, known: Iterable[Peer]) -> list[Peer]:
        """Look for everybody: dialogs, contacts, and those of ``known`` that are not among them. Returns those of
        ``known`` that could not be found again.

        Raises TelegramRateLimitError for a longer wait, and what else Telegram answers.
        """
        known = list(known)
        if self._is_bot:
            await self._ask_for(self.missing(known))
        else:
            for folder in (None, _ARCHIVE):
                await self._dialogs(folder)
            self._note(await self._ask(functions.contacts.GetContactsRequest(0)))
            if any(each.kind is PeerKind.USER for each in self.missing(known)):
                await self._members()
        await self._by_name(self.missing(known))
        return self.missing(known)

    async def meet_late(self, known: Iterable[Peer]) -> list[Peer]:
        """The same, quickly, for those met since: whoever has just written is among the newest dialogs."""
        late = self.missing(known)
        if late and self._is_bot:
            await self._ask_for(late)
        elif late:
            self._note(await self._ask(_dialogs(None, None)))
        return self.missing(late)

    def missing(self, known: Iterable[Peer]) -> list[Peer]:
        """Those of ``known`` that need an access hash, and have none yet."""
        return [
            each
            for each in known
            if each.kind is not PeerKind.CHAT
            and each.access_hash is not None
            and (each.kind, each.id) not in self.found
        ]

    # ---- ways to meet

    async def _dialogs(self, folder: int | None) -> None:
        last: tuple[int, Any, Any] | None = None
        while True:
            page = await self._ask(_dialogs(folder, last))
            self._note(page)
            if not isinstance(page, types.messages.DialogsSlice) or len(page.dialogs) < PAGE:
                return
            following = _last(page, self.found)
            if following is None or following == last:
                return
            last = following

    async def _members(self) -> None:
        groups = [number for kind, number in self.found if kind is PeerKind.CHAT]
        for number in groups[:GROUPS]:
            try:
                self._note(await self._ask(functions.messages.GetFullChatRequest(number)))
            except (TelegramAuthError, TelegramNetworkError):
                raise
            except (Refusal, TelekeepError):  # a group that was left meanwhile, a wait: these are only extra
                return

    async def _by_name(self, missing: list[Peer]) -> None:
        for peer in [each for each in missing if each.username][:NAMES]:
            try:
                self._note(await self._ask(functions.contacts.ResolveUsernameRequest(peer.username or "")))
            except (TelegramAuthError, TelegramNetworkError):
                raise
            except TelegramRateLimitError:
                return
            except (Refusal, TelekeepError):  # the name is somebody else's by now, or nobody's
                continue

    async def _ask_for(self, peers: list[Peer]) -> None:
        """As bots may: by id alone."""
        users = [types.InputUser(each.id, 0) for each in peers if each.kind is PeerKind.USER]
        channels = [types.InputChannel(each.id, 0) for each in peers if each.kind is PeerKind.CHANNEL]
        for start in range(0, len(users), PAGE):
            await self._ask_some(functions.users.GetUsersRequest, users[start : start + PAGE])
        for start in range(0, len(channels), PAGE):
            await self._ask_some(functions.channels.GetChannelsRequest, channels[start : start + PAGE])

    async def _ask_some(self, method: Any, some: list[Any]) -> None:
        """One that is gone spoils the whole request: then the halves are asked for."""
        try:
            self._note(await self._ask(method(some)))
        except (TelegramAuthError, TelegramNetworkError, TelegramRateLimitError):
            raise
        except (Refusal, TelekeepError):
            if len(some) > 1:
                half = len(some) // 2
                await self._ask_some(method, some[:half])
                await self._ask_some(method, some[half:])

    # ---- asking

    async def _ask(self, request: Any) -> Any:
        for _ in range(_ROUNDS):
            try:
                return await self._send(request)
            except TelegramRateLimitError as wait:
                if not 0 < wait.seconds <= PATIENCE:
                    raise
                await self._clock.sleep(wait.seconds)
        return await self._send(request)

    def _note(self, answer: Any) -> None:
        for each in _shown(answer):
            peer = peer_of(each)
            if peer is not None:
                self.found[peer.kind, peer.id] = peer


def peer_of(shown: Any) -> Peer | None:
    """Our peer of a ``user``, ``chat`` or ``channel``; None for one that is shown in part, or that we are not in."""
    if isinstance(shown, types.User):
        if shown.min or shown.access_hash is None:
            return None
        name = " ".join(filter(None, (shown.first_name, shown.last_name))) or None
        return Peer(PeerKind.USER, shown.id, shown.access_hash, shown.username, shown.phone, name)
    if isinstance(shown, types.Channel):
        if shown.min or shown.access_hash is None:
            return None
        return Peer(PeerKind.CHANNEL, shown.id, shown.access_hash, shown.username, None, shown.title)
    if isinstance(shown, types.Chat):
        return Peer(PeerKind.CHAT, shown.id, None, None, None, shown.title)
    return None


def _shown(answer: Any) -> Iterator[Any]:
    if isinstance(answer, list):
        yield from answer
        return
    yield from getattr(answer, "users", ())
    yield from getattr(answer, "chats", ())


def _dialogs(folder: int | None, last: tuple[int, Any, Any] | None) -> Any:
    number, date, peer = last or (0, None, types.InputPeerEmpty())
    return functions.messages.GetDialogsRequest(
        offset_date=date,
        offset_id=number,
        offset_peer=peer,
        limit=PAGE,
        hash=0,
        folder_id=folder,
        exclude_pinned=last is not None or None,
    )


def _last(page: Any, found: Found) -> tuple[int, Any, Any] | None:
    """Where the next page begins: at the last dialog that has a message."""
    messages = {_place(each.peer_id, each.id): each for each in page.messages}
    for dialog in reversed(page.dialogs):
        message = messages.get(_place(dialog.peer, getattr(dialog, "top_message", 0)))
        if message is not None:
            return message.id, message.date, _input_of(dialog.peer, found)
    return None


def _place(peer: Any, message_id: int) -> tuple[str, int]:
    return str(peer), message_id


def _input_of(peer: Any, found: Found) -> Any:
    if isinstance(peer, types.PeerChat):
        return types.InputPeerChat(peer.chat_id)
    if isinstance(peer, types.PeerChannel):
        known = found.get((PeerKind.CHANNEL, peer.channel_id))
        return types.InputPeerChannel(peer.channel_id, known.access_hash or 0) if known else types.InputPeerEmpty()
    known = found.get((PeerKind.USER, peer.user_id))
    return types.InputPeerUser(peer.user_id, known.access_hash or 0) if known else types.InputPeerEmpty()
