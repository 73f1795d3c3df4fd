"""What a crash leaves to be done, decided from the plan and from what is kept."""

from __future__ import annotations

import pytest

from telekeep.errors import UnknownFormat
from telekeep.keeper.renewing.plan import Kind, Plan, State, Step, bare
from telekeep.secret import Secret
from telekeep.session.model import Peer, PeerKind
from telekeep.testing.contracts.vault import a_session

OLD, NEW, THIRD = (a_session(number) for number in (1, 2, 3))


def plan(kind: Kind, state: State) -> Plan:
    return Plan(kind, "main", state, bare(OLD), bare(NEW), 1.0)


IN_FORCE = {"old": OLD, "new": NEW, "third": THIRD}


@pytest.mark.parametrize(
    ("kind", "state", "in_force", "left"),
    [
        (Kind.RENEWAL, State.MAKING, "old", Step.END_NEW),
        (Kind.RENEWAL, State.PROVED, "old", Step.END_NEW),
        (Kind.RENEWAL, State.PROVED, "new", Step.END_OLD),
        (Kind.RENEWAL, State.SWAPPED, "new", Step.END_OLD),
        (Kind.RENEWAL, State.SWAPPED, "old", Step.NOTHING),
        (Kind.RENEWAL, State.MAKING, "third", Step.END_BOTH),
        (Kind.RENEWAL, State.SWAPPED, "third", Step.END_BOTH),
        (Kind.RENEWAL, State.PROVED, None, Step.END_NEW),
        (Kind.FORK, State.MAKING, None, Step.END_NEW),
        (Kind.FORK, State.PROVED, None, Step.END_NEW),
        (Kind.FORK, State.PROVED, "third", Step.END_NEW),
        (Kind.FORK, State.PROVED, "new", Step.NOTHING),
    ],
)
def test_what_is_left_depends_on_which_key_is_kept(kind: Kind, state: State, in_force: str | None, left: Step) -> None:
    lease = {"old": plan(kind, state).old_lease, "new": plan(kind, state).new_lease}.get(in_force or "", in_force)
    assert plan(kind, state).left(lease) is left


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("state", State)
def test_a_key_that_is_kept_is_never_ended(kind: Kind, state: State) -> None:
    one = plan(kind, state)
    assert one.left(one.new_lease) not in (Step.END_NEW, Step.END_BOTH)
    if kind is Kind.RENEWAL:
        assert one.left(one.old_lease) not in (Step.END_OLD, Step.END_BOTH)


def test_it_comes_back_from_the_vault_as_it_was_and_shows_no_key() -> None:
    one = plan(Kind.RENEWAL, State.PROVED)
    assert Plan.from_payload("main", one.to_payload()) == one
    assert OLD.auth_key.reveal().hex() not in repr(one) and repr(OLD.auth_key.reveal()) not in repr(one)


def test_a_plan_of_a_newer_telekeep_is_left_to_it() -> None:
    payload = plan(Kind.FORK, State.MAKING).to_payload().replace(b'"v": 1', b'"v": 2')
    with pytest.raises(UnknownFormat, match="newer"):
        Plan.from_payload("main", payload)


def test_there_is_no_way_back_from_the_swap() -> None:
    with pytest.raises(AssertionError):
        plan(Kind.RENEWAL, State.SWAPPED).move(State.MAKING)
    with pytest.raises(AssertionError):
        plan(Kind.FORK, State.PROVED).move(State.SWAPPED)


def test_it_holds_the_keys_and_nothing_that_grows() -> None:
    from dataclasses import replace

    known = replace(
        OLD, peers=(Peer(PeerKind.USER, 1, 2),), login_tokens=(Secret(b"token"),), other_keys={4: NEW.auth_key}
    )
    assert (
        bare(known).peers == bare(known).login_tokens == ()
        and bare(known).other_keys == {}
        and bare(known).auth_key == OLD.auth_key
    )
