"""The sessions a daemon owns, and what the control socket offers of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telekeep.work.loans import Loans
from telekeep.work.logins import Logins


class Owners(Loans, Logins):
    """The owners of one daemon, by the names of their sessions. Implements what `telekeep.work.daemon` asks for."""

    def verbs(self) -> dict[str, Callable[..., Any]]:
        """What the control socket offers of this."""
        return {
            "borrow": self.borrow,
            "lend": self.lend,
            "run": self.run,
            "running": self.running,
            "ended": self.ended,
            "loans": self.loans,
            "revoke": self.revoke,
            "release": self.release,
            "probe": self.probe,
            "devices": self.devices,
            "device_order": self.device_order,
            "recheck": self.recheck,
            "server_key": self.server_key,
            "renew": self.renew,
            "fork": self.fork,
            "renewal_answer": self.renewal_answer,
        }

    async def server_key(self, name: str) -> str:
        """The public RSA key of a session's gateway (PKCS#1 PEM)."""
        owner = await self.owner(name)
        return owner.endpoint.server_key.pem
