"""The new authorization, from its key to its peers; ended again if it is not wanted after all.

Its key is in the vault's plan before anything is asked with it, and its lease is ours for all that time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telekeep.errors import ConfigError, LoginCancelled, TelekeepError
from telekeep.keeper.renewing import ending, planned
from telekeep.keeper.renewing.plan import Kind, Plan, State, bare
from telekeep.login.prompt import Prompt, Question
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState
from telekeep.upstream.acquainting import Acquainting
from telekeep.upstream.endpoints import home_of
from telekeep.upstream.fresh import Fresh

if TYPE_CHECKING:
    from telekeep.keeper.keeper import Keeper
    from telekeep.lease.lease import Lease
    from telekeep.session.model import Application, User

_log = logging.getLogger(__name__)


class Making:
    """One new authorization of the account of ``old``, to be kept as ``name``. An async context manager: left without
    `keep_it`, the authorization is ended and the plan dropped. ``purpose``: what others are shown of the lease on it.

    ``fresh``: the connection on the new key · ``lease``: the lease on it · ``session``: the new session, once proved ·
    ``lost``: whom it could not meet again.
    """

    fresh: Fresh
    lease: Lease
    session: Session

    def __init__(
        self,
        keeper: Keeper,
        kind: Kind,
        name: str,
        old: Session,
        application: Application,
        *,
        purpose: str | None = None,
    ) -> None:
        self.lost: list[Peer] = []
        self._keeper = keeper
        self._vault = keeper.vault
        self._kind = kind
        self._name = name
        self._old = old
        self._application = application
        self._purpose = purpose or f"{kind} of {name}"
        self._plan: Plan | None = None
        self._lease: Lease | None = None
        self._is_wanted = False

    async def __aenter__(self) -> Making:
        begin = home_of(self._old, self._keeper.network), None
        self.fresh = Fresh(
            self._keeper.network, self._application, clock=self._keeper.clock, begin=begin, on_key=self._on_key
        )
        return self

    def _on_key(self, dc: DataCenter, key: AuthKey) -> None:
        """Nobody is logged in with this key yet. One that came before it never will be."""
        if self._lease is not None:
            self._lease.release()
        self._lease = self.lease = self._keeper.leases.try_acquire(key.id, purpose=self._purpose)
        new = Session(dc, key, self._old.user, application=self._application, network=self._old.network)
        now = self._keeper.clock.wall()
        plan = Plan(self._kind, self._name, State.MAKING, bare(self._old), new, now)
        planned.put(self._vault, plan)
        self._plan = plan

    # ---- step by step

    async def prove(self, log_in: Callable[[Fresh], Awaitable[User]]) -> None:
        """Log in by ``log_in``, and make sure that it is the same account. Raises what that does, and ConfigError."""
        user = await log_in(self.fresh)
        self.session = await self.fresh.session()
        expected = self._old.user
        if expected is not None and user.id != expected.id:
            raise ConfigError(
                f"This login is of account {user.id}, but {self._name} keeps account {expected.id}. It was ended again."
            )
        self._move(State.PROVED)

    async def meet(self, known: tuple[Peer, ...], prompt: Prompt, *, force: bool) -> None:
        """Fetch dialogs and contacts; if somebody of ``known`` cannot be found again, ask whether to go on.

        Raises LoginCancelled if not, ConfigError if nobody can be asked.
        """
        user = self.session.user
        self._people = Acquainting(
            partial(self.fresh.ask, repeat=True), clock=self._keeper.clock, is_bot=bool(user and user.is_bot)
        )
        self._people.found.update({(each.kind, each.id): each for each in self.session.peers})
        self.lost = await self._people.meet(known)
        if not self.lost or force:
            return
        finding = f"{len(self.lost)} of {len(known)} people and chats cannot be found again: {_listed(self.lost)}."
        remedy = "Have the account write to them, or use --force to go on without them."
        if not prompt.can(Question.CONFIRM):
            raise ConfigError(f"{finding} Nothing was changed.", remedy=remedy)
        consequence = "A program that names one of them by its id alone gets an error."
        if not await prompt.confirm(f"{finding} {consequence} Go on?"):
            raise LoginCancelled(f"Cancelled. {finding} Nothing was changed.", remedy=remedy)

    async def meet_late(self, known: tuple[Peer, ...]) -> None:
        """Whoever has become known to the old authorization since `meet`."""
        self.lost = [*self._people.missing(self.lost), *await self._people.meet_late(_besides(known, self.lost))]

    def session_from(self, now: Session | None = None) -> Session:
        """The new session as it is to be kept, going on where the old one stands ``now``.

        pts and date are the account's, qts and seq the authorization's own; channels are followed where there is an
        access hash for them.
        """
        met = self._people.found
        state = self.session.state
        if now is not None and now.state is not None and state is not None:
            channels = {number: pts for number, pts in now.state.channels.items() if (PeerKind.CHANNEL, number) in met}
            state = UpdateState(now.state.pts, state.qts, now.state.date, state.seq, channels)
        tokens = (*self.fresh.tokens, *self._old.login_tokens)
        return replace(self.session, state=state, peers=tuple(met.values()), login_tokens=tokens)

    def keep_it(self) -> None:
        """It is kept in the vault, and stays."""
        self._is_wanted = True
        if self._kind is Kind.RENEWAL:
            self._move(State.SWAPPED)
        else:
            self.drop()

    def unwanted(self) -> None:
        """It is not kept after all."""
        self._is_wanted = False

    def give_lease(self) -> None:
        """The lease is somebody else's to give back."""
        self._lease = None

    def drop(self) -> None:
        """Nothing is left to be done."""
        if self._plan is not None:
            planned.drop(self._vault, self._plan)
            self._plan = None

    def _move(self, state: State) -> None:
        assert self._plan is not None
        plan = self._plan.move(state, self.session)
        planned.put(self._vault, plan)
        self._plan = plan

    # ---- the end

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            await self.fresh.close()
            if not self._is_wanted and self._plan is not None:
                await asyncio.shield(self._undo(self._plan))
        finally:
            if self._lease is not None:
                self._lease.release()

    async def _undo(self, plan: Plan) -> None:
        try:
            if self._lease is None or self._lease.lost is not None:
                self._lease = self._keeper.leases.try_acquire(plan.new.auth_key.id, purpose=f"undoing the {plan.kind}")
            await ending.end(self._keeper, plan.new, self._lease)
            self.drop()
        except TelekeepError as failed:
            _log.warning("The new authorization of %r could not be ended: %s", self._name, failed)


def _besides(known: tuple[Peer, ...], lost: list[Peer]) -> list[Peer]:
    gone = {(each.kind, each.id) for each in lost}
    return [each for each in known if (each.kind, each.id) not in gone]


def _listed(peers: list[Peer], most: int = 5) -> str:
    named = [described(each) for each in peers[:most]]
    return ", ".join(named) + (f" and {len(peers) - most} more" if len(peers) > most else "")


def described(peer: Peer) -> str:
    """A peer as one would say it."""
    called = peer.name or (f"@{peer.username}" if peer.username else None)
    return f"{called} ({peer.kind} {peer.id})" if called else f"{peer.kind} {peer.id}"
