"""An archive brings everything back that it was made of, shows nothing, and is refused if one byte of it is wrong."""

from __future__ import annotations

import json
import os
import random
import stat
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telekeep.errors import (
    BackupDamaged,
    BackupError,
    BackupSealed,
    BackupUnknown,
    ConfigError,
    SessionConflict,
    SessionNotFound,
    StaleFence,
    VaultRolledBack,
)
from telekeep.session.model import PeerKind, UpdateState
from telekeep.testing.contracts.vault import a_session
from telekeep.testing.fakes import ManualClock
from telekeep.vault.archive import folder as shelf
from telekeep.vault.archive.retention import ASKED, Candidate, Retention, surplus
from telekeep.vault.archive.returning import Wanted
from telekeep.vault.archive.sealing import Archive, Opened, split, unseal
from telekeep.vault.keys import passphrase
from telekeep.vault.keys.file import KeyFile
from telekeep.vault.keys.passphrase import Passphrase
from telekeep.vault.record import Entry, Quarantine
from telekeep.vault.vault import Vault
from vault.conftest import Place

STORM = bool(os.environ.get("TELEKEEP_STORM"))
DAY = 86_400.0
PHONE = (a_session(1).peers[0].phone or "").encode()  # of somebody who was met
APART = 1_000  # between fences, so that a newer one is seen to be newer


def made(vault: Vault, *names: str, **options: object) -> Archive:
    return vault.archive(names or None, reason=ASKED, **options)[0]  # type: ignore[arg-type]


def opened(place: Place, archive: Archive) -> Opened:
    return unseal(archive.data, source=place.key)


def back(vault: Vault, archive: Opened, *, fence: int = APART, expected: int | None = None) -> list[Entry]:
    """Put every session of the archive back."""
    reached = vault.reached((each.name, each.lease) for each in archive.header.sessions)
    return vault.put_back(
        archive,
        [
            Wanted(header, copy, fence, reached[header.name].generation if expected is None else expected)
            for header, copy in zip(archive.header.sessions, archive.contents.copies, strict=True)
        ],
    )


def sorted_peers(session):  # type: ignore[no-untyped-def]
    return replace(session, peers=tuple(sorted(session.peers, key=lambda peer: (peer.kind, peer.id))))


@pytest.fixture
def full(vault: Vault) -> Vault:
    """Two sessions with all that belongs to them, one of them used and one of them dead, and a third set aside."""
    for number, name in enumerate("abc", 1):
        vault.keep(name, a_session(number), fence=number, expected=None)
    vault.keep_endpoint("a", b"port 1")
    vault.keep_loan("a", "1", b"a loan")
    vault.touch("a", fence=1, at=5.0)
    vault.quarantine(a_session(2).auth_key.id, "AuthKeyRevoked", checked=True)
    vault.keep_adoption("file", b"facts", original=b"original", away=["0" * 32])
    vault.remove("c", fence=4)
    return vault


# ---- what comes back


def test_a_vault_that_is_gone_is_made_anew_as_it_was(full: Vault, place: Place) -> None:
    archive = opened(place, made(full))
    full.close()
    place.folder.rename(place.root / "gone")
    with Vault.recreate(place.folder, archive, source=None, clock=place.clock, marks=place.marks) as anew:
        back(anew, archive)
        assert anew.id == full.id, "its high-water marks are still its own"
        assert anew.load("a") == sorted_peers(a_session(1))
        assert anew.entry("a").generation == 2 and anew.entry("a").last_used_at == 5.0
        assert anew.entry("a").created_at == archive.header.sessions[0].created_at
        assert anew.endpoint("a") == b"port 1" and [each.payload for each in anew.loans()] == [b"a loan"]
        assert anew.quarantined(a_session(2).auth_key.id) == Quarantine("AuthKeyRevoked", place.clock.wall(), True)
        assert anew.original("file") == b"original" and anew.away() == {"0" * 32}
        assert anew.load("c").auth_key == a_session(3).auth_key, "what was set aside is in it, too"
        assert anew.notices == []
    with place.open() as again:
        assert again.load("b") == sorted_peers(a_session(2))


def test_a_restore_is_a_new_generation_and_its_fence_goes_forward(full: Vault, place: Place) -> None:
    archive = opened(place, made(full, "a"))
    full.keep("a", replace(a_session(1), user=None), fence=9, expected=1)
    with pytest.raises(StaleFence):
        back(full, archive, fence=8)
    assert full.entry("a").generation == 2, "a refused restore has changed nothing"
    (entry,) = back(full, archive)
    assert (entry.generation, entry.fence) == (3, APART)
    assert full.load("a").user == a_session(1).user
    assert full.load("a", generation=2).user is None, "what was there stays stored"
    with pytest.raises(StaleFence):
        full.save_state("a", a_session(1).auth_key.id, UpdateState(1, 1, 1, 1), fence=9)


def test_the_high_water_mark_takes_a_restore_for_newer_and_goes_on_noticing_older_copies(
    full: Vault, place: Place
) -> None:
    archive = opened(place, made(full))
    full.keep("a", a_session(5), fence=7, expected=1)
    full.close()
    place.folder.rename(place.root / "newer")
    with Vault.recreate(place.folder, archive, source=None, clock=place.clock, marks=place.marks) as anew:
        back(anew, archive)
        assert anew.entry("a").generation == 3, "above the mark of what is gone"
    place.folder.rename(place.root / "restored")
    (place.root / "newer").rename(place.folder)
    with place.open() as old, pytest.raises(VaultRolledBack):
        old.load("a")


def test_an_update_state_never_goes_back_and_peers_are_added(full: Vault, place: Place) -> None:
    """An older state would have old messages told again."""
    archive = opened(place, made(full, "a"))
    newer = UpdateState(pts=5000, qts=9, date=1_800_000_000, seq=9)
    full.save_state("a", a_session(1).auth_key.id, newer, fence=1)
    back(full, archive)
    assert full.load("a").state == newer
    assert {peer.kind for peer in full.load("a").peers} == {PeerKind.USER, PeerKind.CHANNEL}


def test_a_revoked_loan_is_not_revived_where_the_vault_is_still_there(full: Vault, place: Place) -> None:
    archive = opened(place, made(full))
    full.keep_loan("a", "1", b"revoked")
    full.drop_adoption("file")
    full.acquit(a_session(2).auth_key.id)
    back(full, archive)
    assert [each.payload for each in full.loans("a")] == [b"revoked"]
    assert full.adoptions() == [] and not full.away() and full.quarantined(a_session(2).auth_key.id) is None


def test_states_and_peers_move_into_a_vault_with_another_lagging_key(full: Vault, place: Place) -> None:
    archive = opened(place, made(full, "a"))
    other = Place(place.root / "other", place.clock)
    with other.create(place.key) as vault:
        back(vault, archive)
        assert vault.load("a") == sorted_peers(a_session(1)) and vault.notices == []


def test_all_sessions_of_an_archive_come_back_or_none(full: Vault, place: Place) -> None:
    archive = opened(place, made(full))
    full.keep("b", a_session(2), fence=6, expected=1)
    reached = full.reached((each.name, each.lease) for each in archive.header.sessions)
    wanted = [
        Wanted(header, copy, APART, reached[header.name].generation - (header.name == "b"))
        for header, copy in zip(archive.header.sessions, archive.contents.copies, strict=True)
    ]
    with pytest.raises(SessionConflict):
        full.put_back(archive, wanted)
    assert full.entry("a").generation == 1


def test_what_cannot_be_read_is_left_out_by_name_and_the_rest_is_backed_up(full: Vault, place: Place) -> None:
    import sqlite3

    full.close()
    database = sqlite3.connect(place.sessions)
    database.execute("UPDATE generations SET sealed = zeroblob(length(sealed)) WHERE name = 'b'")
    database.commit()
    database.close()
    with place.open() as vault:
        archive, left_out = vault.archive(None, reason=ASKED)
        assert set(left_out) == {"b"} and archive.header.left_out == ("b",)
        assert archive.header.names == ("a",)
        with pytest.raises(type(left_out["b"])):
            vault.archive(["b"], reason=ASKED)
        with pytest.raises(SessionNotFound):
            vault.archive(["nobody"], reason=ASKED)


def test_a_name_that_is_damaged_does_not_stand_in_the_way_of_the_others(full: Vault, place: Place) -> None:
    import sqlite3

    full.close()
    database = sqlite3.connect(place.sessions)
    database.execute("UPDATE records SET name = '\x1b[2J' WHERE name = 'b'")
    database.execute("UPDATE belongings SET name = '\x1b[2J', sealed = x'00' WHERE kind = 'endpoint'")
    database.commit()
    database.close()
    with place.open() as vault:
        archive, _ = vault.archive(None, reason=ASKED)
        assert archive.header.names == ("a",)
        archive.check(archive.data)


def test_a_rolled_back_record_is_no_backup_unless_it_is_asked_for_as_it_is(full: Vault, place: Place) -> None:
    """Else a stale copy would count as the newest good one."""
    full.close()
    older = place.sessions.read_bytes()
    with place.open() as vault:
        vault.keep("a", a_session(5), fence=7, expected=1)
    place.sessions.write_bytes(older)
    with place.open() as vault:
        assert set(vault.archive(None, reason=ASKED)[1]) == {"a"}
        archive, left_out = vault.archive(None, reason=ASKED, as_it_is=True)
        assert not left_out and archive.header.names == ("a", "b")
        back(vault, opened(place, archive))
        assert vault.load("a").auth_key == a_session(1).auth_key, "and what a person puts back counts as newest"


# ---- what opens it


def test_an_archive_opens_with_the_key_of_its_day_after_a_rotation(full: Vault, place: Place) -> None:
    archive = made(full)
    full.rotate(place.key)
    assert opened(place, archive).header.names == ("a", "b")


def test_another_vaults_key_does_not_open_it(full: Vault, place: Place) -> None:
    other = KeyFile(place.root / "other" / "key")
    other.make("x", fresh=False)
    with pytest.raises(BackupSealed) as refused:
        unseal(made(full).data, source=other)
    assert full.id[:8] in refused.value.message and "key file" in str(refused.value.remedy)


def test_a_passphrase_of_its_own_opens_it_where_the_vaults_key_is_gone(
    full: Vault, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passphrase, "MEMORY_KIB", 64)
    archive = made(full, source=Passphrase(lambda: "correct horse"))
    place.key.path.unlink()
    assert unseal(archive.data, ask=lambda: "correct horse").header.names == ("a", "b")
    for ask in (lambda: "wrong horse", None):
        with pytest.raises(BackupSealed):
            unseal(archive.data, ask=ask)


def test_nothing_secret_shows(full: Vault, place: Place) -> None:
    archive = made(full)
    key = a_session(1).auth_key.reveal()
    head = archive.data[: split(archive.data)[1]]
    for secret in (key, key.hex().encode(), b"a loan", b"0123456789abcdef0123456789abcdef", PHONE):
        assert secret not in archive.data, "sealed"
        assert secret.decode("latin-1") not in repr(archive) + repr(opened(place, archive))
    assert b"telekeep backup 1\n" in head and full.id.encode() in head


# ---- what is wrong with it


def refused(data: bytes, place: Place) -> bool:
    try:
        unseal(data, source=place.key)
    except BackupError as error:
        return bool(error.remedy)
    return False


@pytest.mark.storm
def test_every_flipped_byte_is_found_without_the_key_and_a_forged_one_with_it(full: Vault, place: Place) -> None:
    """With the checksum made good again, as somebody would who changes it on purpose, the seal finds it."""
    data = made(full, "a").data
    offsets = range(len(data)) if STORM else random.sample(range(len(data)), k=300)
    for at in offsets:
        flipped = bytearray(data)
        flipped[at] ^= 1 << random.randrange(8)
        with pytest.raises(BackupError):
            split(bytes(flipped))
        body = bytes(flipped[:-32])
        if body != data[:-32]:
            assert refused(body + sha256(body).digest(), place), f"byte {at}"


@given(st.data())
def test_an_archive_that_is_cut_or_lengthened_is_refused(data: st.DataObject) -> None:
    whole, place = _example()
    end = data.draw(st.integers(0, len(whole) - 1))
    assert refused(whole[:end], place)
    assert refused(whole + data.draw(st.binary(min_size=1, max_size=50)), place)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_an_error_of_ours(junk: bytes) -> None:
    _, place = _example()
    assert refused(junk, place)
    assert refused(b"telekeep backup 1\n" + junk + sha256(b"telekeep backup 1\n" + junk).digest(), place)


_EXAMPLES: list[tuple[bytes, Place]] = []


def _example() -> tuple[bytes, Place]:
    """A small archive and the place whose key opens it, made once."""
    if not _EXAMPLES:
        import tempfile

        place = Place(Path(tempfile.mkdtemp()), ManualClock())
        with place.create() as vault:
            vault.keep("a", a_session(1), fence=1, expected=None)
            _EXAMPLES.append((made(vault).data, place))
    return _EXAMPLES[0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sessions", [["\x1b[2Jevil", 1, "l", "n", 1, 1, 1.0, 1.0, "kept", 1]]),
        ("sessions", [["a", "1", "l", "n", 1, 1, 1.0, 1.0, "kept", 1]]),
        ("sessions", [5]),
        ("left_out", ["../../etc"]),
        ("reason", "\x1b]0;evil\x07"),
        ("made_at", 1e300),
        ("made_at", float("nan")),
        ("size", -5),
        ("key", None),
    ],
)
def test_a_header_that_somebody_wrote_by_hand_is_not_shown(full: Vault, field: str, value: object) -> None:
    """It needs no key to be written, and it is listed at a terminal."""
    data = made(full).data
    begin = data.index(b"\n") + 1
    line, rest = data[begin:].split(b"\n", 1)
    forged = data[:begin] + json.dumps(json.loads(line) | {field: value}).encode() + b"\n" + rest[:-32]
    with pytest.raises(BackupDamaged):
        split(forged + sha256(forged).digest())


@pytest.mark.parametrize(("version", "word"), [(b"0", "new backup"), (b"2", "newer"), (b"999", "newer")])
def test_an_archive_of_another_version_says_so(full: Vault, version: bytes, word: str) -> None:
    data = made(full).data.replace(b"telekeep backup 1", b"telekeep backup " + version, 1)
    with pytest.raises(BackupUnknown) as unknown:
        split(data)
    assert word in str(unknown.value.remedy) and f"format {int(version)}" in unknown.value.message


# ---- where it lies


def stored(folder: Path, archive: Archive, at: float = 1e9) -> Path:
    return shelf.store(folder, archive.data, archive.check, stem=shelf.STEM, suffix=shelf.SUFFIX, at=at)


def test_it_lies_for_its_owner_alone_under_the_name_the_documents_ask_for(full: Vault, tmp_path: Path) -> None:
    """002-12, 002-F11: backups had mode 0644, in the project's root."""
    umask = os.umask(0)
    try:
        paths = [stored(tmp_path / "backups", made(full)) for _ in range(2)]
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o600, 0o600]
    assert stat.S_IMODE((tmp_path / "backups").stat().st_mode) == 0o700
    assert [shelf.is_ours(path.name) for path in paths] == [True, True] and paths[0] != paths[1]
    assert paths[0].name.startswith(time.strftime("telegram_session_backup_%Y%m%d_", time.localtime(1e9)))


def test_a_folder_that_is_open_to_others_is_refused(full: Vault, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="open to other users"):
        stored(tmp_path / "open", made(full))


def test_what_does_not_read_back_is_not_left_there(full: Vault, tmp_path: Path) -> None:
    archive = made(full)

    def check(data: bytes) -> None:
        archive.check(data[:-1] + b"\0")

    with pytest.raises(BackupDamaged):
        shelf.store(tmp_path / "backups", archive.data, check, stem="x", suffix=".telekeep", at=0.0)
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_list_shows_what_is_ours_damaged_or_not_and_nothing_else(full: Vault, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    older, newer, broken = (stored(folder, made(full), at=at) for at in (1e9, 1.1e9, 1.2e9))
    broken.write_bytes(broken.read_bytes()[:-1])
    (folder / "telegram_session_backup_20260101_000000.telekeep").symlink_to(older)
    (folder / "holiday.jpg").write_bytes(b"jpg")
    found = shelf.shelved(folder)
    assert {each.path for each in found} == {older, newer, broken}
    assert [each.path for each in found if not each.is_whole] == [broken]


# ---- which may go


def candidate(day: float, *holds: str, reason: str = ASKED) -> Candidate:
    return Candidate(Path(f"{day:05}"), day * DAY, frozenset(holds), reason)


def gone(found: list[Candidate], retention: Retention, today: float = 100) -> list[str]:
    return sorted(str(path) for path in surplus(found, retention, now=today * DAY))


def test_old_backups_go_by_count_and_age_but_never_the_last_of_a_session() -> None:
    """002-F11: backups never expired. And the newest ten may all be of another session."""
    found = [
        candidate(1, "rare"),
        candidate(2, "a"),
        candidate(3, "a", "b"),
        candidate(98, "a"),
        candidate(99, "a", "b"),
    ]
    assert gone(found, Retention()) == []
    assert gone(found, Retention(last=1)) == ["00002", "00003", "00098"]
    assert gone(found, Retention(seconds=5 * DAY)) == ["00002", "00003"]
    assert gone(found, Retention(last=3, seconds=DAY)) == ["00002"], "it goes only if no rule keeps it"
    assert gone([candidate(1, "a")], Retention(last=1, seconds=1.0)) == []


def test_what_a_person_asked_for_is_not_thrown_away_by_automatic_ones() -> None:
    found = [candidate(1, "a"), *(candidate(day, "a", reason="before remove") for day in range(2, 6))]
    assert gone(found, Retention(last=2, but=ASKED)) == ["00002", "00003"]


@given(st.lists(st.tuples(st.floats(0, 200), st.sets(st.sampled_from("abc"))), max_size=12), st.integers(1, 5))
def test_whatever_goes_every_session_keeps_its_newest_backup(found: list[tuple[float, set[str]]], last: int) -> None:
    all_ = [Candidate(Path(str(n)), day * DAY, frozenset(holds)) for n, (day, holds) in enumerate(found)]
    dropped = set(surplus(all_, Retention(last=last), now=100 * DAY))
    for name in "abc":
        having = [each for each in all_ if name in each.holds]
        if having:
            newest = max(each.made_at for each in having)
            assert any(each.made_at == newest and each.path not in dropped for each in having)
