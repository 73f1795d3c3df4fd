"""One auth key as the emulator knows it, and what it is logged in as."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from telekeep.emulator.parallel import Mains
from telekeep.emulator.rpc_error import RpcError
from telekeep.mtproto.conversation import Conversation
from telekeep.mtproto.keyring import KnownKey


@dataclass(frozen=True, slots=True)
class Application:
    """What a client said of itself in initConnection."""

    api_id: int
    device_model: str
    system_version: str
    app_version: str
    system_lang_code: str = ""
    lang_pack: str = ""
    lang_code: str = ""


class Authorization(KnownKey):
    """An auth key of one data center, and the login it carries, if any.

    A login on the home data center may be exported to others: keys there point to their `origin` and share its `hash`,
    because Telegram lists them as one device. All moments are wall seconds of the emulator's clock.
    """

    def __init__(self, value: bytes, *, dc_id: int, made_at: float, salts: Any = None) -> None:
        super().__init__(value, salts=salts)
        self.dc_id = dc_id
        self.made_at = made_at
        self.is_untried = False  # agreed on in a handshake, and never used: Telethon throws one in 256 away
        self.user_id: int | None = None
        self.pending_user_id: int | None = None  # the code was right, the password is still owed
        self.created_at = 0.0  # when it was logged in
        self.active_at = made_at  # its last request, as it is shown under Devices
        self.hash = 0  # its number under Devices, and what its access hashes hang on
        self.origin: Authorization | None = None
        self.layer: int | None = None  # of its last invokeWithLayer
        self.application: Application | None = None  # of its last initConnection
        self.ip = ""  # where that came from
        self.seq = 0  # of the last Updates sent to it
        self.takeout_id: int | None = None
        self.ended: RpcError | None = None  # what every request is answered with since
        self.mains = Mains()  # its main connections in use
        self.listeners: dict[Any, Conversation] = {}  # connections that want updates, the last active one last
        self.failed: dict[int, None] = {}  # message ids of requests that failed, for invokeAfterMsg
        self.memo: dict[str, Any] = {}  # for services: what they must remember for as long as the key lives

    def log_in(self, user_id: int, *, at: float, origin: Authorization | None = None) -> None:
        """Carry a login of ``user_id`` from now on: a new one, or one that was exported from ``origin``."""
        self.user_id = user_id
        self.pending_user_id = None
        self.ended = None
        self.created_at = at
        self.origin = origin
        self.takeout_id = None
        self.hash = origin.hash if origin else secrets.randbits(62) + 1
        self.seq = 0

    def used(self, at: float, ip: str, *, lag: float) -> None:
        """A request has come from ``ip``. What is shown of the last use is at most ``lag`` seconds old."""
        if not self.ip or at - self.active_at >= lag:
            self.active_at, self.ip = at, ip

    def listens(self, line: Any, conversation: Conversation) -> None:
        """``line`` has just asked something, and wants updates: of all that do, it is the last active one now."""
        self.listeners.pop(line, None)
        self.listeners[line] = conversation

    @property
    def is_logged_in(self) -> bool:
        return self.user_id is not None and self.ended is None

    def __repr__(self) -> str:
        state = self.ended.message if self.ended else f"user {self.user_id}" if self.user_id else "not logged in"
        return f"<Authorization {self.key.id & 0xFFFF:04x} on DC {self.dc_id}: {state}>"
