"""Sessions in and out: what is kept, what is refused, and who is asked first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.helpers import as_string, keep, new_session
from telekeep.errors import (
    ConfigError,
    SessionBusy,
    SessionCorrupt,
    SessionNotFound,
    UnknownFormat,
    VaultRolledBack,
)
from telekeep.keeper import transfer
from telekeep.keeper.keeper import Keeper
from telekeep.session import formats
from telekeep.session.model import DataCenter
from telekeep.session.network import PRODUCTION, TEST, Address, Network

OWN = Network("own", (Address(2, "127.0.0.2", 4430),))


def test_a_string_is_kept_and_comes_out_as_it_went_in(keeper: Keeper) -> None:
    session = new_session()
    entry = transfer.import_session(keeper, as_string(session).encode(), name="main")
    assert (entry.name, entry.generation, entry.network) == ("main", 1, "production")
    assert transfer.export_session(keeper, "main", "telethon-string").decode() == as_string(session)


def test_a_session_file_brings_its_peers_and_update_state(keeper: Keeper) -> None:
    session = new_session(user=None)
    file = formats.FORMATS["telethon-sqlite"].write(session)
    transfer.import_session(keeper, file, name="main")
    kept = keeper.vault.load("main")
    assert (kept.auth_key, kept.state, kept.peers) == (session.auth_key, session.state, session.peers)
    again = formats.read(transfer.export_session(keeper, "main", "telethon-sqlite"))
    assert (again.auth_key, again.state, again.peers) == (session.auth_key, session.state, session.peers)


def test_a_name_that_is_taken_is_not_overwritten(keeper: Keeper) -> None:
    first = keep(keeper)
    with pytest.raises(ConfigError, match="already kept"):
        transfer.import_session(keeper, as_string(new_session()).encode(), name="main")
    assert keeper.vault.load("main").auth_key == first.auth_key


def test_replacing_keeps_the_older_one_as_a_generation(keeper: Keeper) -> None:
    first, second = keep(keeper), new_session()
    entry = transfer.import_session(keeper, as_string(second).encode(), name="main", replace=True)
    assert entry.generation == 2
    assert keeper.vault.load("main").auth_key == second.auth_key
    assert keeper.vault.load("main", generation=1).auth_key == first.auth_key


def test_one_key_is_not_kept_under_two_names(keeper: Keeper) -> None:
    session = keep(keeper)
    with pytest.raises(ConfigError, match="already kept as 'main'"):
        transfer.import_session(keeper, as_string(session).encode(), name="copy")
    assert [entry.name for entry in keeper.vault.entries()] == ["main"]


def test_a_key_that_somebody_speaks_with_is_not_taken_in(keeper: Keeper) -> None:
    """000-20, 000-F14: the same key in two places is what ends it."""
    session = new_session()
    lease = keeper.leases.try_acquire(session.auth_key.id)
    with pytest.raises(SessionBusy) as caught:
        transfer.import_session(keeper, as_string(session).encode(), name="main")
    assert caught.value.holder.pid == os.getpid()
    lease.release()
    transfer.import_session(keeper, as_string(session).encode(), name="main")


def test_a_session_in_use_is_not_replaced(keeper: Keeper) -> None:
    old, new = keep(keeper), new_session()
    lease = keeper.leases.try_acquire(old.auth_key.id)
    with pytest.raises(SessionBusy):
        transfer.import_session(keeper, as_string(new).encode(), name="main", replace=True)
    lease.release()
    assert keeper.vault.load("main").auth_key == old.auth_key
    keeper.leases.try_acquire(new.auth_key.id).release()  # nothing was left behind


def test_no_lease_is_left_held(keeper: Keeper) -> None:
    session = new_session()
    transfer.import_session(keeper, as_string(session).encode(), name="main")
    transfer.import_session(keeper, as_string(session).encode(), name="main", replace=True)
    transfer.remove(keeper, "main")
    keeper.leases.try_acquire(session.auth_key.id).release()


@pytest.mark.parametrize("source", [b"", b"no session", b"1" + b"A" * 300])
def test_what_cannot_be_read_is_not_kept(keeper: Keeper, source: bytes) -> None:
    with pytest.raises((UnknownFormat, SessionCorrupt)):
        transfer.import_session(keeper, source, name="main")
    assert not (keeper.home.vault / "sessions.db").exists()


def test_a_name_that_is_none_is_refused_before_anything_is_made(keeper: Keeper) -> None:
    with pytest.raises(ConfigError, match="no name"):
        transfer.import_session(keeper, as_string(new_session()).encode(), name="../escape")
    assert not (keeper.home.vault / "sessions.db").exists()


@pytest.mark.parametrize(
    ("host", "network", "fits"),
    [
        ("149.154.167.51", PRODUCTION, True),
        ("149.154.167.40", TEST, True),
        ("149.154.167.40", PRODUCTION, False),
        ("149.154.167.51", TEST, False),
        ("149.154.167.51", OWN, False),
        ("95.161.76.100", PRODUCTION, True),
        ("2001:67c:4e8:f002::a", PRODUCTION, True),
        ("127.0.0.2", PRODUCTION, False),
        ("10.0.0.1", TEST, False),
        ("127.0.0.2", OWN, True),
        ("venus.web.telegram.org", PRODUCTION, True),
    ],
)
def test_a_session_is_of_the_network_it_was_made_on(host: str, network: Network, fits: bool) -> None:
    session = new_session(dc=DataCenter(2, host, 443))
    assert (transfer.misplaced(session, network) is None) == fits


def test_a_session_of_another_network_is_refused(keeper: Keeper) -> None:
    session = new_session(dc=DataCenter(2, "127.0.0.2", 4430))
    with pytest.raises(ConfigError, match=r"127\.0\.0\.2") as caught:
        transfer.import_session(keeper, as_string(session).encode(), name="main")
    assert "--network" in (caught.value.remedy or "")


def test_what_a_session_lacks_is_named() -> None:
    assert transfer.missing(new_session()) == ("api id and hash (taken from the settings)",)
    bare = new_session(user=None, state=None, peers=())
    assert len(transfer.missing(bare)) == 4


def test_losses_are_known_before_the_key_leaves(keeper: Keeper) -> None:
    keep(keeper)
    leaving = transfer.prepare_export(keeper, "main", "telethon-string")
    assert any("peers" in loss for loss in leaving.losses) and any("update state" in loss for loss in leaving.losses)
    assert leaving.holder is None


def test_a_session_in_use_is_exported_only_on_demand(keeper: Keeper) -> None:
    session = keep(keeper)
    lease = keeper.leases.try_acquire(session.auth_key.id)
    with pytest.raises(SessionBusy) as caught:
        transfer.export_session(keeper, "main", "telethon-string")
    assert "--yes" in (caught.value.remedy or "")
    leaving = transfer.prepare_export(keeper, "main", "telethon-string", even_if_held=True)
    assert leaving.holder and leaving.holder.pid == os.getpid()
    assert leaving.write().decode() == as_string(session)
    lease.release()


def test_an_unknown_format_names_the_known_ones(keeper: Keeper) -> None:
    keep(keeper)
    with pytest.raises(ConfigError) as caught:
        transfer.export_session(keeper, "main", "telepathy")
    assert "telethon-string" in (caught.value.remedy or "")


def test_what_is_set_aside_can_be_brought_back(keeper: Keeper) -> None:
    session = keep(keeper)
    transfer.remove(keeper, "main")
    with pytest.raises(SessionNotFound):
        keeper.vault.load("main")
    with pytest.raises(SessionNotFound):
        transfer.remove(keeper, "main")
    assert transfer.restore(keeper, "main").state == "kept"
    assert keeper.vault.load("main").auth_key == session.auth_key


def test_a_session_in_use_is_not_set_aside(keeper: Keeper) -> None:
    session = keep(keeper)
    lease = keeper.leases.try_acquire(session.auth_key.id)
    with pytest.raises(SessionBusy):
        transfer.remove(keeper, "main")
    lease.release()
    assert keeper.vault.load("main").auth_key == session.auth_key


def test_the_name_of_what_was_set_aside_is_free_again(keeper: Keeper) -> None:
    keep(keeper)
    transfer.remove(keeper, "main")
    other = new_session()
    assert transfer.import_session(keeper, as_string(other).encode(), name="main").state == "kept"
    assert keeper.vault.load("main").auth_key == other.auth_key


def test_a_vault_put_back_is_not_mistaken_for_a_damaged_record(keeper: Keeper, world: Path) -> None:
    keep(keeper)
    keeper.vault.flush()
    keeper.vault.close()
    older = (keeper.home.vault / "sessions.db").read_bytes()
    transfer.import_session(keeper, as_string(new_session()).encode(), name="main", replace=True)
    keeper.vault.close()
    (keeper.home.vault / "sessions.db").write_bytes(older)
    for verb in (
        lambda: transfer.remove(keeper, "main"),
        lambda: transfer.export_session(keeper, "main", "telethon-string"),
        lambda: transfer.import_session(keeper, as_string(new_session()).encode(), name="main", replace=True),
    ):
        with pytest.raises(VaultRolledBack):
            verb()


def test_a_key_set_aside_does_not_come_back_while_it_is_kept_under_another_name(keeper: Keeper) -> None:
    session = keep(keeper)
    transfer.remove(keeper, "main")
    transfer.import_session(keeper, session, name="again")
    with pytest.raises(ConfigError, match="already kept as 'again'"):
        transfer.restore(keeper, "main")
