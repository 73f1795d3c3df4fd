from __future__ import annotations

from telekeep.emulator.world.hashes import Viewers


def test_an_access_hash_belongs_to_one_login_one_kind_and_one_peer() -> None:
    viewers = Viewers(b"secret")
    hashes = [
        viewers.of(login).access_hash(kind, peer)
        for login in (1, 2)
        for kind in ("user", "min user", "channel")
        for peer in (7, 8)
    ]
    assert len(set(hashes)) == len(hashes)
    assert all(0 < number < 1 << 63 for number in hashes)


def test_it_stays_the_same_and_is_another_in_another_world() -> None:
    viewers = Viewers(b"secret")
    first = viewers.of(1).access_hash("user", 7)
    assert viewers.of(1).access_hash("user", 7) == Viewers(b"secret").of(1).access_hash("user", 7) == first
    assert Viewers(b"another").of(1).access_hash("user", 7) != first
