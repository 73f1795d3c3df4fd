"""What a format is: a way another program keeps a session, read from bytes and written to bytes.

One model in the middle, formats at the rim: each format knows `telekeep.session.model.Session` and nothing of the
others. A format is examined rule by rule; reading fails with the first broken rule, `check` shows them all.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from telekeep.errors import SessionCorrupt, TelegramSessionError
from telekeep.session.model import KEY_BYTES, DataCenter, Session
from telekeep.session.network import PRODUCTION, TEST, Network

EXPORT_AGAIN = "Export it again from the program that made it, or log in anew: telekeep auth NAME"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a format and whether a source keeps it.

    ``detail`` is what was found, or what is wrong and where; never a part of the secret. ``remedy`` is empty unless the
    rule is broken and something particular helps. ``seen``: False if a rule before it is broken in such a way that this
    one could not be looked at; it does not count as kept.
    """

    text: str
    ok: bool
    detail: str = ""
    remedy: str = ""
    seen: bool = True


class Format(Protocol):
    """A way another program keeps a session.

    Sources are bytes: a file as `telekeep.session.formats.read_file` hands it over, or the bytes of a string.
    ``network`` names the network the session is said to belong to; it widens which data centers are plausible.
    """

    name: str
    is_text: bool

    def recognises(self, source: bytes) -> bool:
        """Whether ``source`` is meant to be of this format, whole or damaged. Judged by structure; never raises."""

    def rules(self, source: bytes, *, network: Network | None = None) -> tuple[Rule, ...]:
        """Every rule of the format, in order, and whether ``source`` keeps it. Never raises."""

    def read(self, source: bytes, *, network: Network | None = None) -> Session:
        """The session in ``source``. Raises UnknownFormat or SessionCorrupt with the first broken rule."""

    def losses(self, session: Session) -> tuple[str, ...]:
        """What of ``session`` this format cannot hold, one phrase each; empty if nothing is lost."""

    def write(self, session: Session) -> bytes:
        """``session`` in this format. Raises FormatLoss if what it needs to be opened again does not fit."""


class Findings:
    """Collects what an examination finds: one finding for each rule text, in the order of the texts.

    ``subject`` begins the error message: "This Telethon string".
    """

    def __init__(self, subject: str, *texts: str) -> None:
        self._subject = subject
        self._texts = texts
        self._rules: list[Rule] = []
        self._error: TelegramSessionError | None = None

    def check(
        self,
        problem: str | None,
        *,
        found: str = "",
        remedy: str = "",
        error: type[TelegramSessionError] = SessionCorrupt,
    ) -> bool:
        """Record the next rule: kept if ``problem`` is None or empty. Return whether it is kept."""
        text = self._texts[len(self._rules)]
        self._rules.append(Rule(text, not problem, problem or found, remedy if problem else ""))
        if problem and self._error is None:
            # A record's own advice (`telekeep history`) would be wrong: this is somebody else's file or string.
            advice = remedy or (EXPORT_AGAIN if error is SessionCorrupt else None)
            self._error = error(f"{self._subject} cannot be used: {problem}.", remedy=advice)
        return not problem

    @property
    def error(self) -> TelegramSessionError | None:
        """The error that the first broken rule stands for; None as long as all are kept."""
        return self._error

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule; those that a broken one hides count as not kept."""
        hidden = tuple(
            Rule(text, False, "cannot be seen before the rules above are kept", seen=False) for text in self._left
        )
        return (*self._rules, *hidden)

    @property
    def _left(self) -> tuple[str, ...]:
        return self._texts[len(self._rules) :]


def counted(number: int, noun: str) -> str:
    """``1 peer``, ``3 peers``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---- rules that every format has

DC_RULE = "names a data center of Telegram"
ADDRESS_RULE = "has an address and a port to connect to"
KEY_RULE = f"has an auth key of {KEY_BYTES} bytes that are not all zero"

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]{0,62})?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62})?)*", re.ASCII
)


def check_dc(findings: Findings, dc_id: object, network: Network | None) -> bool:
    """Telegram has the data centers 1 to 5 (core.telegram.org/api/datacenter); ``network`` may have others."""
    known = {1, 2, 3, 4, 5} | ({address.dc_id for address in network.addresses} if network else set())
    if type(dc_id) is int and dc_id in known:
        return findings.check(None, found=f"data center {dc_id}")
    said = f"data center {dc_id}" if type(dc_id) is int else "something that is no number"
    return findings.check(
        f"it names {said}, and there is none such on {network.name if network else 'Telegram'}",
        remedy="If it belongs to a network of your own, name that with --network; otherwise export it again.",
    )


def check_address(findings: Findings, host: object, port: object) -> bool:
    """The address must be one that a client can connect to, loopback included."""
    if not isinstance(host, str) or not is_host(host):
        return findings.check("its address is none that can be connected to", remedy=EXPORT_AGAIN)
    if type(port) is not int or not 1 <= port <= 65535:
        return findings.check("its port is not between 1 and 65535", remedy=EXPORT_AGAIN)
    return findings.check(None, found=f"{host} port {port}")


def check_key(findings: Findings, key: object) -> bool:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        return findings.check(f"its auth key does not have {KEY_BYTES} bytes", remedy=EXPORT_AGAIN)
    if not any(key):
        return findings.check("its auth key is all zeros, which is no key", remedy=EXPORT_AGAIN)
    return findings.check(None, found="present; not shown")


@lru_cache(256)  # hosts are few, and no secret
def is_host(host: str) -> bool:
    """Whether a client can connect to what is called so."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(_HOST_NAME.fullmatch(host)) and not host.replace(".", "").isdigit()
    return not address.is_unspecified and not address.is_multicast


_ON_TEST = frozenset((address.dc_id, address.host) for address in TEST.addresses)


def network_name(dc: DataCenter, network: Network | None) -> str:
    """The network a session belongs to, where its format does not say: the one given, or what its address tells."""
    if network is not None:
        return network.name
    return TEST.name if (dc.id, dc.host) in _ON_TEST else PRODUCTION.name
