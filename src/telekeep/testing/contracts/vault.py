"""What every vault, and every source of its key, must do. Derive a test class and give it the fixtures::

class TestMySource(KeySourceContract):
    @pytest.fixture
    def source(self) -> KeySource: ...       # at a place where no key lies yet
    @pytest.fixture
    def elsewhere(self) -> KeySource: ...    # of the same kind, at another such place

class TestMyVault(VaultContract):
    @pytest.fixture
    def vault(self) -> Vault: ...            # empty
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from telekeep.errors import ConfigError, SessionConflict, SessionNotFound, StaleFence
from telekeep.secret import Secret
from telekeep.session.model import (
    Application,
    AuthKey,
    DataCenter,
    Peer,
    PeerKind,
    Session,
    UpdateState,
    User,
)
from telekeep.vault.keys.source import KeySource
from telekeep.vault.lending import StoredLoan
from telekeep.vault.vault import Vault

VAULT_ID = "0123456789abcdef0123456789abcdef"


def a_session(number: int = 1) -> Session:
    """A session with everything in it; the same for the same ``number``."""
    return Session(
        dc=DataCenter(1 + number % 5, f"127.0.0.{1 + number % 250}", 10_000 + number),
        auth_key=AuthKey((number + 1).to_bytes(256, "big")),
        user=User(id=777_000 + number, is_bot=False, username=f"ada{number}"),
        state=UpdateState(pts=100 + number, qts=2, date=1_700_000_000, seq=4, channels={1_500_000_000: 7, 5: 6}),
        peers=(
            Peer(PeerKind.USER, 1, access_hash=-5, username="bob", phone="9996621234", name="Bob"),
            Peer(PeerKind.CHANNEL, 1, access_hash=6),
        ),
        application=Application(12345, Secret(b"0123456789abcdef0123456789abcdef")),
        network="a network of my own: ünïcode",
        other_keys={5: AuthKey((number + 1001).to_bytes(256, "big"))},
    )


def _sorted(session: Session) -> Session:
    return replace(session, peers=tuple(sorted(session.peers, key=lambda peer: (peer.kind, peer.id))))


class VaultContract:
    """The contract of a vault, one rule per test."""

    def test_what_is_kept_is_what_is_loaded(self, vault: Vault) -> None:
        session = a_session()
        vault.keep("main", session, fence=1, expected=None)
        assert vault.load("main") == _sorted(session)

    def test_what_is_unknown_stays_unknown_and_never_becomes_zero(self, vault: Vault) -> None:
        bare = Session(DataCenter(2, "127.0.0.1"), AuthKey(b"k" * 256))
        vault.keep("bare", bare, fence=1, expected=None)
        assert vault.load("bare") == bare

    def test_the_list_says_what_is_kept(self, vault: Vault) -> None:
        first = vault.keep("zoe", a_session(1), fence=3, expected=None)
        second = vault.keep("ada", a_session(2), fence=1, expected=None)
        assert vault.entries() == [second, first]
        assert vault.entry("zoe") == first
        assert (first.generation, first.fence, first.dc_id, first.state) == (1, 3, a_session(1).dc.id, "kept")
        assert first.last_used_at is None

    def test_a_name_that_is_not_there_is_not_found(self, vault: Vault) -> None:
        for ask in (vault.load, vault.entry, vault.history, lambda name: vault.remove(name, fence=1)):
            with pytest.raises(SessionNotFound):
                ask("nobody")

    @pytest.mark.parametrize("name", ["", ".hidden", "-rf", "a/b", "a b", "ü", "a\n", "x" * 65, "a\x00b"])
    def test_a_name_that_would_be_trouble_is_refused(self, vault: Vault, name: str) -> None:
        with pytest.raises(ConfigError):
            vault.keep(name, a_session(), fence=1, expected=None)

    @pytest.mark.parametrize("name", ["a", "+15551234567", "ada@work", "acct.work", "_x-1", "x" * 64])
    def test_odd_but_harmless_names_are_fine(self, vault: Vault, name: str) -> None:
        vault.keep(name, a_session(), fence=1, expected=None)
        assert vault.load(name).user == a_session().user

    def test_every_generation_can_be_loaded(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep("main", a_session(2), fence=1, expected=1)
        assert [each.generation for each in vault.history("main")] == [2, 1]
        assert vault.load("main", generation=1) == _sorted(a_session(1))
        assert vault.load("main") == _sorted(a_session(2))
        with pytest.raises(SessionNotFound):
            vault.load("main", generation=3)

    def test_a_lost_race_is_a_conflict_and_changes_nothing(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep("main", a_session(2), fence=1, expected=1)
        for expected in (1, 3):
            with pytest.raises(SessionConflict):
                vault.keep("main", a_session(3), fence=9, expected=expected)
        with pytest.raises(ConfigError):  # the name is taken: nobody's race
            vault.keep("main", a_session(3), fence=9, expected=None)
        assert vault.load("main") == _sorted(a_session(2))
        with pytest.raises(SessionConflict):
            vault.keep("other", a_session(3), fence=1, expected=1)

    def test_an_older_fence_is_refused_by_every_verb_that_writes(self, vault: Vault) -> None:
        session = a_session()
        key, state = session.auth_key.id, UpdateState(0, 0, 0, 0)
        vault.keep("main", session, fence=5, expected=None)
        for write in (
            lambda: vault.keep("main", session, fence=4, expected=1),
            lambda: vault.save_state("main", key, state, fence=4),
            lambda: vault.save_peers("main", key, (Peer(PeerKind.USER, 9),), fence=4),
            lambda: vault.save_journal("main", key, [(1, b"late")], keep_from=1, fence=4),
            lambda: vault.save_progress("main", key, state=state, journal=[(1, b"late")], keep_from=1, fence=4),
            lambda: vault.touch("main", fence=4, at=1.0),
            lambda: vault.remove("main", fence=4),
        ):
            with pytest.raises(StaleFence) as refused:
                write()
            assert (refused.value.fence, refused.value.newest) == (4, 5)
        assert vault.load("main") == _sorted(session)
        assert vault.journal("main", key) == []
        assert vault.entry("main").last_used_at is None

    @pytest.mark.parametrize("verb", ["touch", "save_state", "save_peers", "save_journal"])
    def test_whatever_is_written_under_a_newer_fence_shuts_out_the_older(self, vault: Vault, verb: str) -> None:
        session = a_session()
        key, state = session.auth_key.id, UpdateState(0, 0, 0, 0)
        vault.keep("main", session, fence=5, expected=None)
        if verb == "touch":
            vault.touch("main", fence=6, at=1.0)
        elif verb == "save_state":
            vault.save_state("main", key, state, fence=6)
        elif verb == "save_journal":
            vault.save_journal("main", key, [(1, b"entry")], keep_from=1, fence=6)
        else:
            vault.save_peers("main", key, (), fence=6)
        with pytest.raises(StaleFence):
            vault.keep("main", session, fence=5, expected=1)
        assert vault.entry("main").fence == 6

    def test_fences_of_different_keys_do_not_compare(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1000, expected=None)
        assert vault.keep("main", a_session(2), fence=1, expected=1).fence == 1

    def test_state_and_peers_belong_to_the_key_not_to_the_name(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep("main", replace(a_session(2), state=None, peers=()), fence=1, expected=1)
        assert vault.load("main").state is None
        assert vault.load("main").peers == ()
        assert vault.load("main", generation=1) == _sorted(a_session(1))

    def test_a_saved_state_replaces_the_one_before_channels_included(self, vault: Vault) -> None:
        session = a_session()
        vault.keep("main", session, fence=1, expected=None)
        later = UpdateState(500, 0, 1_700_000_100, 9, {42: 43})
        vault.save_state("main", session.auth_key.id, later, fence=1)
        assert vault.load("main").state == later

    def test_peers_are_added_and_forget_nothing_they_do_not_contradict(self, vault: Vault) -> None:
        session = a_session()
        vault.keep("main", session, fence=1, expected=None)
        seen = (
            Peer(PeerKind.USER, 1, username="robert"),
            Peer(PeerKind.CHAT, 1, name="a chat with the number of a user"),
        )
        vault.save_peers("main", session.auth_key.id, seen, fence=1)
        peers = {(peer.kind, peer.id): peer for peer in vault.load("main").peers}
        assert peers[PeerKind.USER, 1] == Peer(PeerKind.USER, 1, -5, "robert", "9996621234", "Bob")
        assert peers[PeerKind.CHAT, 1].name == "a chat with the number of a user"
        assert peers[PeerKind.CHANNEL, 1].access_hash == 6

    def test_a_session_kept_again_without_state_loses_none(self, vault: Vault) -> None:
        session = a_session()
        vault.keep("main", session, fence=1, expected=None)
        vault.keep("main", replace(session, state=None, peers=()), fence=1, expected=1)
        assert vault.load("main") == _sorted(session)

    def test_the_last_use_is_remembered(self, vault: Vault) -> None:
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.touch("main", fence=1, at=1_700_000_123.5)
        assert vault.entry("main").last_used_at == 1_700_000_123.5
        assert vault.entries() == [vault.entry("main")]

    def test_a_removed_session_is_set_aside_and_can_come_back(self, vault: Vault) -> None:
        session = a_session()
        vault.keep("main", session, fence=1, expected=None)
        vault.remove("main", fence=2)
        for ask in (vault.load, vault.entry):
            with pytest.raises(SessionNotFound):
                ask("main")
        assert [entry.state for entry in vault.entries()] == ["removed"]
        assert vault.load("main", generation=1) == _sorted(session)
        back = vault.restore_removed("main")
        assert vault.load("main") == _sorted(session)
        assert vault.entries() == [back]
        with pytest.raises(ConfigError):
            vault.restore_removed("main")
        with pytest.raises(StaleFence):
            vault.keep("main", session, fence=1, expected=back.generation)

    def test_a_removed_name_is_free_and_its_history_goes_on(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.remove("main", fence=1)
        again = vault.keep("main", a_session(2), fence=1, expected=None)
        assert again.generation == 3
        assert again.created_at == again.saved_at
        assert vault.load("main", generation=1) == _sorted(a_session(1))

    def test_a_loan_that_is_kept_is_listed_with_its_session(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep("other", a_session(2), fence=1, expected=None)
        assert vault.loans() == vault.loans("main") == []
        vault.keep_loan("main", "0000000b", b"second")
        vault.keep_loan("main", "0000000a", b"first")
        vault.keep_loan("other", "0000000a", b"\x00third")
        first, second = StoredLoan("main", "0000000a", b"first"), StoredLoan("main", "0000000b", b"second")
        third = StoredLoan("other", "0000000a", b"\x00third")
        assert vault.loans("main") == [first, second]
        assert vault.loans("other") == [third]
        assert vault.loans() == [first, second, third]

    def test_a_loan_kept_again_replaces_the_one_before_and_one_dropped_is_gone(self, vault: Vault) -> None:
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.keep_loan("main", "a", b"open")
        vault.keep_loan("main", "b", b"open")
        vault.keep_loan("main", "a", b"revoked")
        assert vault.loans("main") == [StoredLoan("main", "a", b"revoked"), StoredLoan("main", "b", b"open")]
        vault.drop_loan("main", "a")
        vault.drop_loan("main", "a")
        vault.drop_loan("nobody", "a")
        assert vault.loans() == [StoredLoan("main", "b", b"open")]

    def test_nothing_is_lent_of_a_session_that_is_not_kept(self, vault: Vault) -> None:
        assert vault.loans("nobody") == []
        assert vault.endpoint("nobody") is None
        with pytest.raises(SessionNotFound):
            vault.keep_loan("nobody", "a", b"loan")
        with pytest.raises(SessionNotFound):
            vault.keep_endpoint("nobody", b"endpoint")

    def test_loans_and_endpoint_stay_when_the_session_gets_a_new_key(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep_loan("main", "a", b"loan")
        vault.keep_endpoint("main", b"endpoint")
        vault.keep("main", a_session(2), fence=1, expected=1)
        assert vault.loans() == [StoredLoan("main", "a", b"loan")]
        assert vault.endpoint("main") == b"endpoint"

    def test_a_removed_session_lends_nothing_until_it_is_back(self, vault: Vault) -> None:
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.keep_loan("main", "a", b"loan")
        vault.remove("main", fence=1)
        assert vault.loans() == vault.loans("main") == []
        with pytest.raises(SessionNotFound):
            vault.keep_loan("main", "b", b"loan")
        vault.restore_removed("main")
        assert vault.loans() == vault.loans("main") == [StoredLoan("main", "a", b"loan")]

    def test_loans_of_a_removed_session_do_not_open_the_next_one_of_its_name(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep_loan("main", "a", b"loan")
        vault.remove("main", fence=1)
        vault.keep("main", a_session(2), fence=1, expected=None)
        assert vault.loans() == vault.loans("main") == []

    def test_the_endpoint_stays_what_it_was_until_it_is_replaced(self, vault: Vault) -> None:
        vault.keep("main", a_session(1), fence=1, expected=None)
        vault.keep("other", a_session(2), fence=1, expected=None)
        assert vault.endpoint("main") is None
        vault.keep_endpoint("main", b"port 1")
        vault.keep_endpoint("other", b"port 2")
        vault.close()
        assert (vault.endpoint("main"), vault.endpoint("other")) == (b"port 1", b"port 2")
        vault.keep_endpoint("main", b"port 3")
        assert (vault.endpoint("main"), vault.endpoint("other")) == (b"port 3", b"port 2")

    def test_the_journal_is_read_as_it_was_written_from_where_it_is_kept(self, vault: Vault) -> None:
        key = a_session().auth_key.id
        vault.keep("main", a_session(), fence=1, expected=None)
        assert vault.journal("main", key) == []
        entries = [(number, b"entry %d" % number) for number in range(1, 1001)]
        vault.save_journal("main", key, entries[:3], keep_from=1, fence=1)
        vault.save_journal("main", key, entries[3:900], keep_from=2, fence=1)
        assert vault.journal("main", key) == entries[1:900]
        vault.save_journal("main", key, entries[900:], keep_from=450, fence=1)
        assert vault.journal("main", key) == entries[449:]
        vault.save_journal("main", key, [], keep_from=1000, fence=1)
        assert vault.journal("main", key) == entries[999:]
        vault.save_journal("main", key, [], keep_from=1001, fence=1)
        assert vault.journal("main", key) == []

    def test_the_journal_and_the_update_state_are_saved_together(self, vault: Vault) -> None:
        key = a_session().auth_key.id
        vault.keep("main", a_session(), fence=1, expected=None)
        state = UpdateState(500, 0, 1_700_000_100, 9, {42: 43})
        vault.save_progress("main", key, state=state, journal=[(7, b"seven")], keep_from=1, fence=1)
        assert (vault.load("main").state, vault.journal("main", key)) == (state, [(7, b"seven")])
        vault.save_progress("main", key, state=None, journal=[(9, b"nine")], keep_from=1, fence=1)
        assert (vault.load("main").state, vault.journal("main", key)) == (state, [(7, b"seven"), (9, b"nine")])

    def test_journals_of_different_keys_do_not_mix(self, vault: Vault) -> None:
        first, second = a_session(1), a_session(2)
        vault.keep("main", first, fence=1, expected=None)
        vault.save_journal("main", first.auth_key.id, [(1, b"old")], keep_from=1, fence=1)
        vault.keep("main", second, fence=1, expected=1)
        assert vault.journal("main", second.auth_key.id) == []
        vault.save_journal("main", second.auth_key.id, [(1, b"new")], keep_from=1, fence=1)
        assert vault.journal("main", first.auth_key.id) == [(1, b"old")]

    def test_numbers_that_begin_anew_begin_the_journal_anew(self, vault: Vault) -> None:
        key = a_session().auth_key.id
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.save_journal("main", key, [(number, b"old") for number in range(1, 600)], keep_from=300, fence=1)
        vault.save_journal("main", key, [(2, b"new"), (3, b"new")], keep_from=1, fence=1)
        assert vault.journal("main", key) == [(2, b"new"), (3, b"new")]

    def test_entries_out_of_order_are_a_fault_of_the_program_and_change_nothing(self, vault: Vault) -> None:
        key = a_session().auth_key.id
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.save_journal("main", key, [(1, b"one")], keep_from=1, fence=1)
        state = UpdateState(500, 0, 1_700_000_100, 9)
        for entries in ([(3, b"three"), (2, b"two")], [(2, b"two"), (2, b"two")]):
            with pytest.raises(ValueError):
                vault.save_progress("main", key, state=state, journal=entries, keep_from=1, fence=1)
        assert vault.journal("main", key) == [(1, b"one")]
        assert vault.load("main").state == a_session().state

    def test_a_request_is_in_doubt_until_it_is_answered(self, vault: Vault) -> None:
        one, two = b"1" * 32, b"2" * 32
        assert vault.doubts("main") == {}
        vault.begin_doubt("main", one, 1_700_000_000.5)
        vault.begin_doubt("main", two, 1_700_000_001.5)
        vault.begin_doubt("other", one, 1_700_000_002.5)
        vault.close()
        assert vault.doubts("main") == {one: 1_700_000_000.5, two: 1_700_000_001.5}
        vault.end_doubts("main", [one, b"3" * 32])
        vault.end_doubts("main", [])
        assert vault.doubts("main") == {two: 1_700_000_001.5}
        assert vault.doubts("other") == {one: 1_700_000_002.5}

    def test_a_closed_vault_opens_again_when_it_is_used(self, vault: Vault) -> None:
        vault.keep("main", a_session(), fence=1, expected=None)
        vault.flush()
        vault.close()
        vault.close()
        assert vault.load("main") == _sorted(a_session())


class KeySourceContract:
    """The contract of a key source: no key is ever lost before the vault can do without it."""

    def test_a_key_is_found_again_by_what_the_vault_remembers(self, source: KeySource) -> None:
        made = source.make(VAULT_ID, fresh=False)
        assert made.material in list(source.masters(VAULT_ID, made.parameters))

    def test_a_key_is_long_enough_not_to_be_guessed(self, source: KeySource) -> None:
        assert len(source.make(VAULT_ID, fresh=False).material) >= 32

    def test_a_fresh_key_is_another_one_and_the_old_one_stays(self, source: KeySource) -> None:
        old = source.make(VAULT_ID, fresh=False)
        new = source.make(VAULT_ID, fresh=True)
        assert new.material != old.material
        assert old.material in list(source.masters(VAULT_ID, old.parameters))
        assert new.material in list(source.masters(VAULT_ID, new.parameters))

    def test_retiring_the_old_key_leaves_the_new_one(self, source: KeySource) -> None:
        old = source.make(VAULT_ID, fresh=False)
        new = source.make(VAULT_ID, fresh=True)
        source.retire(VAULT_ID, old.parameters)
        source.retire(VAULT_ID, old.parameters)
        assert new.material in list(source.masters(VAULT_ID, new.parameters))

    def test_keys_of_different_places_differ(self, source: KeySource, elsewhere: KeySource) -> None:
        assert source.make(VAULT_ID, fresh=False).material != elsewhere.make(VAULT_ID, fresh=False).material

    def test_what_the_vault_remembers_is_not_the_key(self, source: KeySource) -> None:
        made = source.make(VAULT_ID, fresh=False)
        said = repr(dict(made.parameters))
        assert made.material.reveal().hex() not in said
        assert all(isinstance(value, str | int) for value in made.parameters.values())
