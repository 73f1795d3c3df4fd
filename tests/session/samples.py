"""Sessions to try things on: the fixtures' own, and whatever hypothesis can think of."""

from pathlib import Path

from hypothesis import strategies as st

from session.fixtures import make
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

FIXTURES = Path(__file__).parent / "fixtures"
INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def fixture_session(name: str) -> Session:
    """What make.py put into the file or string of that name."""
    key = AuthKey(make.key(name))
    return Session(
        DataCenter(2, "149.154.167.51", 443),
        key,
        User(make.SELF, None, "ada_l"),
        UpdateState(1234, 5, 1_704_153_600, 67, {make.CHANNEL: 890}),
        (
            Peer(PeerKind.CHANNEL, make.CHANNEL, 42, "news", None, "News"),
            Peer(PeerKind.CHAT, make.CHAT, None, None, None, "Family"),
            Peer(PeerKind.USER, make.SELF, -123456789, "ada_l", "15550100", "Ada"),
            Peer(PeerKind.USER, make.BOB, 987654321, None, None, "Bob Ünal"),
        ),
    )


# Drawn from a short seed: what a key is made of does not matter, and 256 bytes are slow to shrink.
keys = st.integers(0, 1 << 32).map(lambda seed: AuthKey(make.key(str(seed))))
hosts = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(
    lambda address: not address.is_unspecified and not address.is_multicast
)
data_centers = st.builds(
    DataCenter,
    st.integers(1, 5),
    hosts.map(lambda address: address.compressed) | st.sampled_from(["localhost", "dc.example.org"]),
    st.integers(1, 65535),
)
peers = st.builds(
    Peer,
    st.sampled_from(PeerKind),
    st.integers(1, 1 << 40) | INT64,
    st.none() | INT64,
    st.none() | st.text(),
    st.none() | st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True) | st.text(),
    st.none() | st.text(st.characters(codec="utf-8")),
)
states = st.builds(
    UpdateState,
    INT64,
    INT64,
    INT64 | st.integers(0, 1 << 31),
    INT64,
    st.dictionaries(INT64, INT64, max_size=3),
)
sessions = st.builds(
    Session,
    data_centers,
    keys,
    st.none() | st.builds(User, st.integers(1, 1 << 40) | INT64, st.none() | st.booleans(), st.none() | st.text()),
    st.none() | states,
    st.lists(peers, max_size=6, unique_by=lambda peer: (peer.kind, peer.id)).map(tuple),
    st.none() | st.just(Application(1, Secret(b"0123456789abcdef0123456789abcdef"))),
    st.sampled_from(["production", "test", "mine"]),
    other_keys=st.dictionaries(st.integers(1, 5), keys, max_size=2),
    login_tokens=st.just(()) | st.just((Secret(b"a token"),)),
)
