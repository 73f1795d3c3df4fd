"""A Telethon session over the vault, for programs that make their own ``TelegramClient``."""

from __future__ import annotations

import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from weakref import ReferenceType, ref

from telethon import TelegramClient

from telekeep.errors import ConfigError, SessionBusy, TelegramNetworkError
from telekeep.session.network import Network
from telekeep.upstream import endpoints, writeback
from telekeep.upstream.line import Line
from telekeep.upstream.storages.asker import asker, unknown
from telekeep.upstream.storages.held_record import HeldRecord, refuse_copy
from telekeep.upstream.storages.telethon_guard import guarded, is_guarded, stop


class VaultSession(writeback.VaultSession):
    """The session kept as ``name``, for ``TelegramClient(VaultSession("main"), api_id, api_hash)``.

    The lease is taken when this is made, and given back when the client disconnects; connecting again takes it again.
    While a client is connected, the lease is asked before each packet that leaves, to every data center: a client that
    is made asks its session for the key, and there its connection class is exchanged for one that asks. If the lease is
    lost, or the key is set aside as dead, every connection is cut off, calls raise the LeaseLost (or the error that the
    key was set aside with), and the client connects no more.

    Update state and peers are written whenever Telethon saves, every three seconds, and at the end. Key and data center
    cannot be changed by a program (ConfigError): a login is made with ``telekeep auth``. One client at a time speaks
    over it. It cannot be copied or pickled. Made or connected while another process has the session: SessionBusy; while
    Telegram has said to wait: FloodWait. ``home``, ``network``: as in `telekeep.client`.

    The key goes to a client that is made with this as its session, and to nobody else: whoever asks for it otherwise
    (a session around this one, ``session.auth_key``, `StringSession.save`) could send without the lease, and gets a
    ConfigError. ``telekeep export`` is there for a key that is to leave.

    What only `telekeep.client` does, as requests of other clients are not ours to read: floods are not noted or waited
    out; a login that Telegram has ended is set aside only if Telethon's update loop met the end, not a call of the
    program's; the login is not proven before `connect` returns.
    """

    def __init__(self, name: str, *, home: Path | str | None = None, network: Network | str | None = None) -> None:
        self._client: ReferenceType[Any] | None = None
        ours = ref(self)  # no circle: one that is dropped is gone at once

        def on_end(error: Exception) -> None:
            if (session := ours()) is not None:
                session._stop(error)

        def on_close() -> None:
            if (session := ours()) is not None:
                session.forget()

        self._held = HeldRecord(name, home=home, network=network, on_end=on_end, on_close=on_close)
        super().__init__()
        self._hold()

    def __reduce__(self) -> NoReturn:
        refuse_copy(self)

    def __del__(self) -> None:
        with suppress(Exception):  # whoever connected holds it, and is held (see HeldRecord)
            if not self._held.was_used:
                self._held.close()

    @property
    def server_address(self) -> Any:
        """Where the client connects. Telethon asks for it whenever it connects: so the lease is taken here."""
        self._hold()
        client = self._asking("connect", sys._getframe(1))
        if client is not None:
            self._serve(client)
        return super().server_address

    @property
    def auth_key(self) -> Any:
        """The key, for a client that is being made: it asks the line from then on. Raises ConfigError for others."""
        client = self._asking("__init__", sys._getframe(1))
        if client is None:
            raise self._unknown()
        client._connection = guarded(client._connection, partial(self._line, ref(client)), self._stop)
        return self._auth_key

    @auth_key.setter
    def auth_key(self, value: Any) -> None:
        """Telethon sets what it has connected with. Raises ConfigError for another key."""
        record = self._held.record
        if record is None or value is None or not value.key:
            return
        if value.key != record.session.auth_key.reveal():
            raise self._fixed("key")
        self._auth_key = value

    def set_dc(self, dc_id: int, server_address: str, port: int) -> None:
        """Telethon calls this to move to another data center. Raises ConfigError: a kept session has one.

        1.40 does so on making a client, too, that is to prefer IPv6; that is passed over.
        """
        if self._held.record is None or (dc_id, server_address, port) == self._home:
            super().set_dc(dc_id, server_address, port)
            return
        client, asked_in = asker(self, sys._getframe(1))
        if not (isinstance(client, TelegramClient) and asked_in == "__init__"):  # it has not noted its session yet
            raise self._fixed("data center")

    def process_entities(self, tlo: Any) -> None:
        record = self._held.record
        if record is not None and getattr(tlo, "peer", tlo) is not None:  # None: Telethon's own notes, no answer
            record.used()
        super().process_entities(tlo)

    def save(self) -> None:
        self._held.write()

    def close(self) -> None:
        """Telethon calls this when it has disconnected. A client that has not is cut off, and told."""
        client = self._client() if self._client is not None else None
        if (error := getattr(client, "_updates_error", None)) is not None:  # what made Telethon disconnect by itself
            self._held.condemn(error)
        self._held.close()
        if client is not None and client.is_connected():
            stop(client, TelegramNetworkError("Its session was closed."))

    def forget(self) -> None:
        super().forget()
        self._client = None

    def delete(self) -> None:
        """Telethon calls this after ``log_out``: the record is set aside, so that nobody asks Telegram with its key."""
        self._held.set_aside()

    # ---- inside

    def _hold(self) -> None:
        if self._held.record is None:
            record = self._held.open()
            endpoints.trust(self._held.network)
            home = endpoints.home_of(record.session, self._held.network)
            self._home = (home.id, home.host, home.port)
            self.open(record, home)

    def _serve(self, client: Any) -> None:
        """``client`` is about to connect."""
        known = self._client() if self._client is not None else None
        if known is not None and known is not client:
            raise SessionBusy(
                f"Another client of this program speaks over this VaultSession of {self._held.name!r}: that would be "
                "two connections with one key.",
                remedy="Use that client, or disconnect it first.",
            )
        if not is_guarded(client._connection):
            raise ConfigError("This client was made without its VaultSession.", remedy="Give it to TelegramClient.")
        self._client = ref(client)
        client._use_ipv6 = ":" in self._server_address  # or Telethon would take an address of its own instead
        client._sender.auth_key.key = self._auth_key.key  # a client that was made while this was closed has none
        self._held.watch()

    def _asking(self, method: str, frame: FrameType | None) -> Any:
        """The client of ours in whose ``method`` we are asked; None if somebody else asks."""
        client, asked_in = asker(self, frame)
        is_ours = isinstance(client, TelegramClient) and getattr(client, "session", None) is self
        return client if is_ours and asked_in == method else None

    def _line(self, of: ReferenceType[Any]) -> Line:
        """What a connection of this client asks. Raises ConfigError unless it is the one that is served."""
        line = self._held.line  # raises where it is closed
        client = self._client() if self._client is not None else None
        if client is None or client is not of():
            raise self._unknown()
        return line

    def _unknown(self) -> ConfigError:
        return unknown(self, self._held.name, given=f"TelegramClient(VaultSession({self._held.name!r}), …)")

    def _stop(self, error: Exception) -> None:
        client = self._client() if self._client is not None else None
        if client is not None:
            stop(client, error)

    def _fixed(self, what: str) -> ConfigError:
        return ConfigError(
            f"The {what} of the kept session {self._held.name!r} cannot be changed by a program.",
            remedy=f"Log in anew: telekeep auth {self._held.name} --replace",
        )
