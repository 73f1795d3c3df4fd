"""Files of archived messages: fetched after their rows, one at a time, whole or not at all.

A file is written beside its place under another name, and moved there when it is complete; then its row says where it
lies. So a process that is killed leaves at most a draft, which the next one overwrites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telekeep.clock import Clock
from telekeep.database import border
from telekeep.errors import TelegramNetworkError, TelegramRateLimitError, TelekeepError
from telekeep.mtproto.schema import functions, types
from telekeep.work.archive import reading
from telekeep.work.archive.asking import Asking, named_here
from telekeep.work.archive.line import Line
from telekeep.work.archive.naming import bare
from telekeep.work.archive.rows import CHANNELS_BELOW, File
from telekeep.work.archive.stores.store import Store
from telekeep.work.archive.writer import Writer

_TOGETHER = 100  # messages asked for at once
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}$")


class Media:
    """See the module. ``peers``: how the chats of this run are asked for."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        writer: Writer,
        asking: Asking,
        line: Line,
        peers: Mapping[int, Any],
        *,
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._store = store
        self._writer = writer
        self._asking = asking
        self._line = line
        self._peers = peers
        self._clock = clock
        self._given_up: set[int] = set()
        self.fetched = 0

    async def fetch(self) -> None:
        """Fetch every file of these chats that is not there. One whose message is gone is passed over."""
        missing = [each for each in self._store.files(missing=True) if each.chat_id in self._peers]
        for chat_id in dict.fromkeys(each.chat_id for each in missing):
            wanted = [each for each in missing if each.chat_id == chat_id and each.id not in self._given_up]
            for start in range(0, len(wanted), _TOGETHER):
                await self._fetch_of(chat_id, wanted[start : start + _TOGETHER])

    async def _fetch_of(self, chat_id: int, wanted: list[File]) -> None:
        ids = [types.InputMessageID(each.message_id) for each in wanted]
        if chat_id < CHANNELS_BELOW:
            channel = types.InputChannel(bare(chat_id), self._peers[chat_id].access_hash)
            page = await self._asking(functions.channels.GetMessagesRequest(channel=channel, id=ids))
        else:
            page = await self._asking(functions.messages.GetMessagesRequest(id=ids))
        there = {each.id: each for each in page.messages}
        for file in wanted:
            message = there.get(file.message_id)
            held = reading.file(message) if getattr(message, "peer_id", None) is not None else None
            if held is None or held.id != file.id:
                self._given_up.add(file.id)
                continue
            await self._fetch_one(file, message)

    async def _fetch_one(self, file: File, message: Any) -> None:
        name = f"{file.chat_id}/{file.id}{_suffix(file)}"
        place = self._folder / name
        with border(place):
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not place.exists():
            draft = place.with_name(f".{place.name}.part")
            with border(place):
                draft.unlink(missing_ok=True)
            try:
                written = await self._line.client.download_media(message.media, file=str(draft))
            except Exception as error:
                ours = named_here(error, self._clock)
                if isinstance(ours, TelegramNetworkError | TelegramRateLimitError) or type(ours) is not TelekeepError:
                    raise ours from error
                written = None  # Telegram has it no longer
            if written is None:
                self._given_up.add(file.id)
                return
            with border(place):
                Path(written).replace(place)
        await self._writer.keep_file(file._replace(path=name))
        self.fetched += 1


def _suffix(file: File) -> str:
    if file.kind == "photo":
        return ".jpg"
    found = _SUFFIX.search(file.name or "")
    return found[0].lower() if found else ""
