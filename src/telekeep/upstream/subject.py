"""What deadlines are noted against: an account on a network, or its key where nobody knows yet whose it is."""

from __future__ import annotations

from telekeep.lease.lease import lease_name
from telekeep.session.model import Session
from telekeep.session.network import Network


def subject_of(network: Network, session: Session) -> str:
    """The subject of ``session`` in the ledger (`telekeep.pace.gate.Gate`)."""
    who = f"user {session.user.id}" if session.user else f"key {lease_name(session.auth_key.id)}"
    return f"{network.place} {who}"
