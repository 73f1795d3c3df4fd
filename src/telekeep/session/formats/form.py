"""What all formats share: examined rule by rule, read if all are kept, and losses told from what would come back.

A format says what a file of its kind `held` of a session; everything that it loses follows from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from telekeep.errors import FormatLoss, SessionCorrupt
from telekeep.session.formats import foreign
from telekeep.session.formats.format import Findings, Rule, counted
from telekeep.session.model import Peer, Session
from telekeep.session.network import Network

_OF_PEERS = {"name": "the names of its peers", "username": "their usernames", "phone": "their phone numbers"}
_NO_CATCHING_UP = "the update state: updates missed meanwhile are not caught up"
_AS_A_PERSON = "that it is not known whether it is a bot: it is written as a person's"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a session cannot be written at all: what is missing of it, and what to do instead."""

    message: str
    loss: str
    remedy: str | None = None


class Form:
    """The shape of every format here; see `telekeep.session.formats.format.Format` for what its methods promise."""

    name: ClassVar[str]
    subject: ClassVar[str]  # how an error message begins: "This Telethon string"
    texts: ClassVar[tuple[str, ...]]  # its rules, in the order they are looked at
    is_text: ClassVar[bool] = False
    is_folder: ClassVar[bool] = False  # its source is a folder, packed by `telekeep.session.formats.bundle`
    follows_address: ClassVar[bool] = True  # whether a program connects to where its session says
    variants: ClassVar[tuple[int, ...]] = ()  # layouts that can be written, the usual one first
    loses_application: ClassVar[str] = "the api id and hash"

    @property
    def called(self) -> str:
        """What a person calls it: "a Telethon string"."""
        return f"a {self.subject.removeprefix('This ')}"

    # ---- what each format says

    def recognises(self, source: bytes) -> bool:
        raise NotImplementedError

    def examine(self, source: bytes, findings: Findings, network: Network | None) -> Session | None:
        """Look at every rule; the session, if those that matter for it are kept."""
        raise NotImplementedError

    def sound(self, source: bytes, network: Network | None) -> Session | None:
        """The session in a source that is of this format and keeps every rule at a glance, as nearly all do.

        A short cut that may be left out: None says nothing, and leaves it to `recognises` and the rules.
        """
        return None

    def held(self, session: Session) -> Session:
        """What of ``session`` a source of this format gives back."""
        raise NotImplementedError

    def refusal(self, session: Session) -> Refusal | None:
        """Why ``session`` cannot be written, if it cannot."""
        return None

    def encode(self, session: Session, variant: int | None) -> bytes:
        """``session``, which is not refused, as bytes."""
        raise NotImplementedError

    # ---- what follows from it

    def rules(self, source: bytes, *, network: Network | None = None) -> tuple[Rule, ...]:
        findings = Findings(self.subject, *self.texts)
        self.examine(source, findings, network)
        return findings.rules

    def read(self, source: bytes, *, network: Network | None = None) -> Session:
        if not self.recognises(source):
            raise foreign.unknown(source)
        return self.parse(source, network=network)

    def parse(self, source: bytes, *, network: Network | None = None) -> Session:
        """Like `read`, for a source that is known to be of this format."""
        if session := self.sound(source, network):
            return session
        findings = Findings(self.subject, *self.texts)
        session = self.examine(source, findings, network)
        if session is None or findings.error:
            raise findings.error or SessionCorrupt()
        return session

    def losses(self, session: Session) -> tuple[str, ...]:
        refused = self.refusal(session)
        return (*self._lost(session, self.held(session)), *([refused.loss] if refused else []))

    def write(self, session: Session, *, variant: int | None = None) -> bytes:
        """``session`` in this format, in the layout ``variant`` of `variants`. Raises FormatLoss."""
        if variant is not None and variant not in self.variants:
            raise ValueError(f"{self.name} has no layout {variant}")
        if refused := self.refusal(session):
            raise FormatLoss(refused.message, losses=self.losses(session), remedy=refused.remedy)
        return self.encode(session, variant)

    def _lost(self, session: Session, held: Session) -> Iterator[str]:
        if held.network != session.network:
            yield f"the name of its network, {session.network}"
        if held.dc != session.dc:
            yield "its address: who reads it connects to Telegram's own"
        yield from _lost_of_user(session, held)
        if held.state != session.state:
            yield "part of the update state" if held.state else _NO_CATCHING_UP
        yield from _lost_of_peers(session.peers, held.peers)
        if held.application != session.application:
            yield self.loses_application
        if held.login_tokens != session.login_tokens:
            yield "what Telegram gave for a later login without a code"
        if gone := len(session.other_keys) - len(held.other_keys):
            yield f"the keys of {counted(gone, 'other data center')}: programs make new ones"


def _lost_of_user(session: Session, held: Session) -> Iterator[str]:
    if session.user is None:
        return
    if held.user is None:
        yield "whom it is logged in as"
        return
    if held.user.is_bot != session.user.is_bot:
        yield "whether it is a bot" if held.user.is_bot is None else _AS_A_PERSON
    if (held.user.username or "").lower() != (session.user.username or "").lower():
        yield "its own username"


def _lost_of_peers(peers: tuple[Peer, ...], held: tuple[Peer, ...]) -> Iterator[str]:
    if not peers:
        return
    if not held:
        yield f"the peers it has met ({len(peers)})"
        return
    unknown: dict[str, Any] = {}
    there = {(peer.kind, peer.id) for peer in held}
    both = [peer for peer in peers if (peer.kind, peer.id) in there]
    for field, words in _OF_PEERS.items():
        if any(getattr(peer, field) for peer in both) and not any(getattr(peer, field) for peer in held):
            unknown[field] = None
            yield words
    left = {replace(spelt(peer), **unknown) for peer in held}
    if gone := len({replace(spelt(peer), **unknown) for peer in peers} - left):
        yield f"{gone} of {counted(len(peers), 'peer')}, or what is odd about them"


def spelt(peer: Peer) -> Peer:
    """As all libraries spell it: usernames in lower case, phone numbers without a plus, nothing empty."""
    username = peer.username.lower() if peer.username else None
    phone = peer.phone.removeprefix("+") if peer.phone else None
    return Peer(peer.kind, peer.id, peer.access_hash, username or None, phone or None, peer.name or None)
