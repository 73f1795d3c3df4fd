"""Any sequence of verbs: the vault says what a plain dictionary would say."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from telekeep.errors import ConfigError, SessionConflict, SessionNotFound, StaleFence
from telekeep.session.model import AuthKey, DataCenter, Peer, PeerKind, Session, UpdateState, User
from vault.conftest import Place

NAMES = st.sampled_from(["main", "main.2", "+15551234567"])
KEYS = st.sampled_from([1, 2, 3])
LOANS = st.sampled_from(["0000000a", "0000000b"])
FENCES = st.integers(0, 5)
TIMES = st.floats(0, 2e9)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.none() | st.text(max_size=8)
STATES = st.builds(
    UpdateState,
    st.integers(0, 2**31),
    st.integers(0, 2**31),
    st.integers(0, 2**31),
    st.integers(0, 2**31),
    st.dictionaries(st.integers(1, 2**40), st.integers(0, 2**31), max_size=3),
)
PEERS = st.lists(
    st.builds(Peer, st.sampled_from(PeerKind), st.integers(1, 4), st.none() | NUMBERS, TEXTS, TEXTS, TEXTS), max_size=4
)
USERS = st.none() | st.builds(User, st.integers(1, 2**52), st.none() | st.booleans(), TEXTS)


@dataclass
class Lags:
    """What the model knows of one key: its state, its peers, its newest fence and its last use."""

    state: UpdateState | None = None
    peers: dict[tuple[PeerKind, int], Peer] = field(default_factory=dict)
    fence: int = 0
    used: float | None = None
    journal: list[tuple[int, bytes]] = field(default_factory=list)
    head: int = 0  # of the journal, its last number
    kept_from: int = 0

    def meet(self, peers: list[Peer]) -> None:
        for peer in peers:
            known = self.peers.get((peer.kind, peer.id), peer)
            told = {
                name: value
                for name in ("access_hash", "username", "phone", "name")
                if (value := getattr(peer, name)) is not None
            }
            self.peers[peer.kind, peer.id] = replace(known, **told)


class VaultMachine(RuleBasedStateMachine):
    """The vault, and a model of it."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="telekeep-test-"))
        self.place = Place(self.root)
        self.vault = self.place.create()
        self.kept: dict[str, list[Session | None]] = {}  # by name, a list of generations; None: a removal
        self.keys: dict[int, Lags] = {number: Lags() for number in (1, 2, 3)}
        self.loans: dict[str, dict[str, bytes]] = {}  # by name, those of removed sessions too
        self.endpoints: dict[str, bytes] = {}

    def teardown(self) -> None:
        if hasattr(self, "vault"):
            self.vault.close()
            shutil.rmtree(self.root)

    def _key(self, name: str) -> Lags | None:
        session = self._current(name)
        return self.keys[session.auth_key.reveal()[0]] if session else None

    def _current(self, name: str) -> Session | None:
        return self.kept[name][-1] if self.kept.get(name) else None

    @rule(name=NAMES, number=KEYS, fence=FENCES, user=USERS, state=st.none() | STATES, peers=PEERS, guess=st.booleans())
    def keep(
        self,
        name: str,
        number: int,
        fence: int,
        user: User | None,
        state: UpdateState | None,
        peers: list[Peer],
        guess: bool,
    ) -> None:
        session = Session(DataCenter(2, "127.0.0.1"), AuthKey(bytes([number]) * 256), user, state, tuple(peers))
        generations = self.kept.get(name, [])
        right = None if self._current(name) is None else len(generations)
        expected = (len(generations) + 1) if guess else right
        if guess:
            with pytest.raises(SessionConflict):
                self.vault.keep(name, session, fence=fence, expected=expected)
        elif fence < self.keys[number].fence:
            with pytest.raises(StaleFence):
                self.vault.keep(name, session, fence=fence, expected=expected)
        else:
            entry = self.vault.keep(name, session, fence=fence, expected=expected)
            if self._current(name) is None:
                self.loans.pop(name, None)
            self.kept.setdefault(name, []).append(replace(session, state=None, peers=()))
            lags = self.keys[number]
            lags.fence = fence
            lags.state = state or lags.state
            lags.meet(peers)
            assert entry.generation == len(self.kept[name])

    @rule(name=NAMES, fence=FENCES)
    def remove(self, name: str, fence: int) -> None:
        lags = self._key(name)
        if lags is None:
            with pytest.raises(SessionNotFound):
                self.vault.remove(name, fence=fence)
        elif fence < lags.fence:
            with pytest.raises(StaleFence):
                self.vault.remove(name, fence=fence)
        else:
            self.vault.remove(name, fence=fence)
            lags.fence = fence
            self.kept[name].append(None)

    @rule(name=NAMES)
    def restore(self, name: str) -> None:
        generations = self.kept.get(name)
        if not generations:
            with pytest.raises(SessionNotFound):
                self.vault.restore_removed(name)
        elif generations[-1] is not None:
            with pytest.raises(ConfigError):
                self.vault.restore_removed(name)
        else:
            self.vault.restore_removed(name)
            generations.append(next(each for each in reversed(generations) if each is not None))

    @rule(name=NAMES, fence=FENCES, at=TIMES, state=STATES, peers=PEERS)
    def use(self, name: str, fence: int, at: float, state: UpdateState, peers: list[Peer]) -> None:
        session, lags = self._current(name), self._key(name)
        if session is None or lags is None:
            with pytest.raises(SessionNotFound):
                self.vault.touch(name, fence=fence, at=at)
            return
        key = session.auth_key.id
        if fence < lags.fence:
            for write in (
                lambda: self.vault.touch(name, fence=fence, at=at),
                lambda: self.vault.save_state(name, key, state, fence=fence),
                lambda: self.vault.save_peers(name, key, peers, fence=fence),
            ):
                with pytest.raises(StaleFence):
                    write()
            return
        self.vault.touch(name, fence=fence, at=at)
        self.vault.save_state(name, key, state, fence=fence)
        self.vault.save_peers(name, key, peers, fence=fence)
        lags.fence, lags.used, lags.state = fence, at, state
        lags.meet(peers)

    @rule(name=NAMES, loan=LOANS, payload=st.binary(max_size=8), drop=st.booleans())
    def lend(self, name: str, loan: str, payload: bytes, drop: bool) -> None:
        if drop:
            self.vault.drop_loan(name, loan)
            self.loans.get(name, {}).pop(loan, None)
        elif self._current(name) is None:
            with pytest.raises(SessionNotFound):
                self.vault.keep_loan(name, loan, payload)
        else:
            self.vault.keep_loan(name, loan, payload)
            self.vault.keep_endpoint(name, payload)
            self.loans.setdefault(name, {})[loan] = self.endpoints[name] = payload

    @rule(name=NAMES, count=st.integers(0, 4), behind=st.integers(0, 6), fence=FENCES, state=STATES)
    def make_progress(self, name: str, count: int, behind: int, fence: int, state: UpdateState) -> None:
        session, lags = self._current(name), self._key(name)
        if session is None or lags is None:
            return
        head = lags.journal[-1][0] if lags.journal else lags.head
        entries = [(head + 1 + each, b"%d" % head) for each in range(count)]
        keep_from = lags.kept_from = max(lags.kept_from, head + count + 1 - behind)
        key = session.auth_key.id
        if fence < lags.fence:
            with pytest.raises(StaleFence):
                self.vault.save_progress(name, key, state=state, journal=entries, keep_from=keep_from, fence=fence)
            return
        self.vault.save_progress(name, key, state=state, journal=entries, keep_from=keep_from, fence=fence)
        lags.fence, lags.state, lags.head = fence, state, head + count
        lags.journal = [entry for entry in [*lags.journal, *entries] if entry[0] >= keep_from]

    @rule()
    def rotate(self) -> None:
        self.vault.rotate(self.place.key)

    @rule()
    def begin_anew(self) -> None:
        self.vault.close()
        self.vault = self.place.open()

    @rule(seconds=st.floats(0, 1e7))
    def time_passes(self, seconds: float) -> None:
        self.place.clock.advance(seconds)

    @invariant()
    def says_what_the_model_says(self) -> None:
        if not hasattr(self, "vault"):
            return
        listed = {entry.name: entry for entry in self.vault.entries()}
        assert sorted(listed) == sorted(self.kept)
        for name, generations in self.kept.items():
            assert listed[name].generation == len(generations)
            session, lags = self._current(name), self._key(name)
            if session is None or lags is None:
                assert listed[name].state == "removed"
                with pytest.raises(SessionNotFound):
                    self.vault.load(name)
                continue
            assert (listed[name].state, listed[name].fence, listed[name].last_used_at) == (
                "kept",
                lags.fence,
                lags.used,
            )
            found = self.vault.load(name)
            assert replace(found, state=None, peers=()) == session
            assert found.state == lags.state
            assert {(peer.kind, peer.id): peer for peer in found.peers} == lags.peers
            assert self.vault.journal(name, session.auth_key.id) == lags.journal
        lent = [(name, *loan) for name in self.kept if self._current(name) for loan in self.loans.get(name, {}).items()]
        assert self.vault.loans() == sorted(lent)
        for name in self.kept:
            assert self.vault.loans(name) == sorted(loan for loan in lent if loan[0] == name)
            assert self.vault.endpoint(name) == self.endpoints.get(name)
        assert self.vault.notices == []


@pytest.mark.storm
def test_the_vault_behaves_like_a_dictionary_with_a_memory() -> None:
    import os

    storm = bool(os.environ.get("TELEKEEP_STORM"))
    run_state_machine_as_test(  # type: ignore[no-untyped-call]  # hypothesis leaves it so
        VaultMachine,
        settings=settings(
            max_examples=500 if storm else 25,
            stateful_step_count=60 if storm else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
