"""A Telethon session over the vault, for programs that make their own ``TelegramClient``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from telekeep.session.network import Network
from telekeep.upstream import writeback
from telekeep.upstream.storages.held_record import HeldRecord


class VaultSession(writeback.VaultSession):
    """The session kept as ``name``, for ``TelegramClient(VaultSession("main"), api_id, api_hash)``.

    The lease is taken when this is made, and given back when the client disconnects; connecting again takes it again.
    Key and data center are written at once, update state and peers whenever Telethon saves, and at the end. Made or
    connected while another process has the session: SessionBusy. ``home``, ``network``: as in `telekeep.client`.
    """

    def __init__(self, name: str, *, home: Path | str | None = None, network: Network | str | None = None) -> None:
        self._held = HeldRecord(name, home=home, network=network)
        super().__init__()
        self._hold()

    @property
    def server_address(self) -> Any:
        """Where the client connects. Telethon asks for it before every connection: so the lease is taken here."""
        self._hold()
        return super().server_address

    def save(self) -> None:
        super().save()
        if self._held.record is not None:
            self._held.record.used()
            self._held.record.flush()

    def close(self) -> None:
        """Telethon calls this when it has disconnected."""
        try:
            self.save()
        finally:
            self.forget()
            self._held.close()

    def delete(self) -> None:
        """Telethon calls this after ``log_out``: the record is set aside, so that nobody asks Telegram with its key."""
        self.forget()
        self._held.set_aside()

    def _hold(self) -> None:
        if self._held.record is None:
            record = self._held.open()
            self.open(record, record.session.dc)
