"""`telekeep import` and `telekeep export`: what comes in, what leaves, and on which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from cli.helpers import as_string, keep, new_session
from telekeep.gateway.loans import Loan
from telekeep.gateway.shelf import Shelf
from telekeep.keeper.keeper import Keeper
from telekeep.session import formats
from telekeep.session.model import DataCenter


def test_import_says_what_it_found_and_keeps_it(process, keeper: Keeper, world: Path) -> None:
    session = new_session(user=None)
    (world / "bot.session").write_bytes(formats.FORMATS["telethon-sqlite"].write(session))
    said = process("import", "bot.session")
    assert said.code == 0
    for fact in ("telethon-sqlite", "production, data center 2", session.auth_key.fingerprint, "peers    1", "lacks"):
        assert fact in said.out, fact
    assert "Kept as bot." in said.out and "telekeep test bot" in said.out
    assert "a second program with a copy of it gets the session ended" in said.err
    assert keeper.vault.load("bot").auth_key == session.auth_key


def test_import_leaves_its_source_untouched(process, world: Path) -> None:
    file = world / "bot.session"
    file.write_bytes(formats.FORMATS["telethon-sqlite"].write(new_session()))
    before, when = file.read_bytes(), file.stat().st_mtime_ns
    assert process("import", "bot.session").code == 0
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (before, when)
    assert [path.name for path in world.glob("bot*")] == ["bot.session"]


def test_import_as_json_is_one_object_without_the_secret(process, keeper: Keeper) -> None:
    session = new_session()
    said = process("import", "-", "--as", "main", "--json", stdin=as_string(session))
    assert said.code == 0
    assert (said.json["name"], said.json["generation"], said.json["format"]) == ("main", 1, "telethon-string")
    assert said.json["key"] == session.auth_key.fingerprint and said.json["missing"]
    assert as_string(session)[20:60] not in said.out + said.err


def test_import_from_the_settings(process, keeper: Keeper) -> None:
    session = new_session()
    said = process("import", "--env", "--as", "main", environ={"TELEGRAM_SESSION": as_string(session)})
    assert said.code == 0 and keeper.vault.load("main").auth_key == session.auth_key


def test_import_without_a_name_asks_for_one(process) -> None:
    said = process("import", "-", stdin=as_string(new_session()))
    assert said.code == 2 and "--as NAME" in said.err


def test_a_file_whose_name_is_no_name_needs_another(process, world: Path, keeper: Keeper) -> None:
    (world / "my old bot.session").write_text(as_string(new_session()))
    said = process("import", "my old bot.session")
    assert said.code == 2 and "--as NAME" in said.err
    assert process("import", "my old bot.session", "--as", "old").code == 0


def test_import_does_not_overwrite(process, keeper: Keeper) -> None:
    first = keep(keeper)
    said = process("import", "-", "--as", "main", stdin=as_string(new_session()))
    assert said.code == 6 and "--replace" in said.err
    assert keeper.vault.load("main").auth_key == first.auth_key


def test_import_replaces_only_after_a_yes(process, keeper: Keeper) -> None:
    first, second = keep(keeper), new_session()
    said = process("import", "-", "--as", "main", "--replace", stdin=as_string(second))
    assert said.code == 2 and "--yes" in said.err
    assert keeper.vault.load("main").auth_key == first.auth_key
    assert process("import", "-", "--as", "main", "--replace", "--yes", stdin=as_string(second)).code == 0
    assert keeper.vault.load("main").auth_key == second.auth_key


def test_import_of_a_key_in_use_names_its_holder(process, keeper: Keeper) -> None:
    session = new_session()
    lease = keeper.leases.try_acquire(session.auth_key.id, purpose="bot")
    said = process("import", "-", "--as", "main", "--json", stdin=as_string(session))
    lease.release()
    assert said.code == 3 and said.json["error"] == "SessionBusy"
    assert said.json["holder"]["pid"] == os.getpid()


def test_import_of_another_networks_session_is_refused(process) -> None:
    session = new_session(dc=DataCenter(2, "127.0.0.1", 4430))
    said = process("import", "-", "--as", "main", stdin=as_string(session))
    assert said.code == 6 and "--network" in said.err


def test_a_secret_name_is_refused(process) -> None:
    string = as_string(new_session())
    said = process("import", "-", "--as", string, stdin=string)
    assert said.code == 2 and string[20:60] not in said.err


def test_a_string_goes_alone_to_standard_output(process, keeper: Keeper) -> None:
    session = keep(keeper)
    said = process("export", "main", "--to", "telethon-string", "--yes")
    assert said.code == 0
    assert said.out == as_string(session) + "\n"
    assert "must never speak at the same time" in said.err and "peers" in said.err
    assert as_string(session)[20:60] not in said.err


def test_what_export_prints_can_be_imported_again(process, keeper: Keeper, world: Path) -> None:
    session = keep(keeper)
    said = process("export", "main", "--to", "telethon-string", "--yes")
    assert process("check", "-", stdin=said.out).code == 0
    assert process("remove", "main", "--yes").code == 0
    assert process("import", "-", "--as", "again", stdin=said.out).code == 0
    assert keeper.vault.load("again").auth_key == session.auth_key


def test_a_key_does_not_leave_without_a_yes(process, keeper: Keeper, world: Path) -> None:
    keep(keeper)
    said = process("export", "main", "--to", "telethon-string")
    assert (said.code, said.out) == (2, "") and "--yes" in said.err
    said = process("export", "main", "--to", "telethon-sqlite", "--out", "x.session")
    assert said.code == 2 and not (world / "x.session").exists()
    assert "must never speak" not in said.err, "what does not happen needs no warning"


def test_a_file_is_for_its_owner_only_and_never_overwritten(process, keeper: Keeper, world: Path) -> None:
    """002-F11: Telethon makes them 0644."""
    session = keep(keeper)
    words = ("export", "main", "--to", "telethon-sqlite", "--out", "x.session", "--yes")
    before = os.umask(0)
    try:
        said = process(*words)
    finally:
        os.umask(before)
    assert said.code == 0 and "x.session" in said.out
    assert (world / "x.session").stat().st_mode & 0o777 == 0o600
    kept = formats.read((world / "x.session").read_bytes())
    assert (kept.auth_key, kept.peers, kept.state) == (session.auth_key, session.peers, session.state)
    (world / "x.session").write_text("mine")
    said = process(*words)
    assert said.code == 2 and "--force" in said.err and (world / "x.session").read_text() == "mine"
    assert process(*words, "--force").code == 0
    assert formats.read((world / "x.session").read_bytes()).auth_key == session.auth_key


def test_a_link_is_not_written_through(process, keeper: Keeper, world: Path) -> None:
    keep(keeper)
    (world / "target").write_text("mine")
    (world / "x.session").symlink_to(world / "target")
    said = process("export", "main", "--to", "telethon-sqlite", "--out", "x.session", "--yes", "--force")
    assert said.code == 6 and (world / "target").read_text() == "mine"


def test_a_session_file_needs_a_place(process, keeper: Keeper) -> None:
    keep(keeper)
    said = process("export", "main", "--to", "telethon-sqlite", "--yes")
    assert said.code == 2 and "--out main.session" in said.err


def test_a_secret_is_never_json(process, keeper: Keeper, world: Path) -> None:
    session = keep(keeper)
    said = process("export", "main", "--to", "telethon-string", "--yes", "--json")
    assert said.code == 2 and as_string(session)[20:60] not in said.out + said.err
    said = process("export", "main", "--to", "telethon-string", "--yes", "--json", "--out", "s.txt")
    assert said.code == 0 and said.json["file"] == "s.txt" and said.json["losses"]
    assert as_string(session)[20:60] not in said.out + said.err
    assert (world / "s.txt").read_text() == as_string(session)


def test_a_session_in_use_is_exported_only_with_yes(process, keeper: Keeper) -> None:
    session = keep(keeper)
    lease = keeper.leases.try_acquire(session.auth_key.id)
    said = process("export", "main", "--to", "telethon-string")
    assert said.code == 3 and str(os.getpid()) in said.err and said.out == ""
    said = process("export", "main", "--to", "telethon-string", "--yes")
    lease.release()
    assert said.code == 0 and f"in use now (pid {os.getpid()})" in said.err
    assert said.out == as_string(session) + "\n"


def test_export_of_nothing_is_not_there(process, keeper: Keeper) -> None:
    said = process("export", "nobody", "--to", "telethon-string")
    assert said.code == 1 and said.out == ""
    keep(keeper)
    said = process("export", "nobody", "--to", "telethon-sqlite", "--out", "x", "--yes", "--json")
    assert said.code == 1 and said.json["error"] == "SessionNotFound"


def test_no_secret_in_any_process_argument(keeper: Keeper, world: Path) -> None:
    """X-6: while import waits for the rest of its input, its arguments are open to everyone."""
    string = as_string(new_session())
    running = subprocess.Popen(
        [sys.executable, "-m", "telekeep", "import", "-", "--as", "main", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdin
    running.stdin.write(string)
    running.stdin.flush()
    shown = Path(f"/proc/{running.pid}/cmdline").read_bytes() + Path(f"/proc/{running.pid}/environ").read_bytes()
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 0 and json.loads(out)["name"] == "main"
    assert string[20:60].encode() not in shown


def test_set_aside_and_back(process, keeper: Keeper) -> None:
    session = keep(keeper)
    shelf = Shelf(keeper.vault, "main", 0)
    for grant in ("full", "archive"):
        shelf.keep(Loan.mint(session="main", label=grant, grant=grant, made_at=0.0))
    said = process("remove", "main")
    assert said.code == 2 and keeper.vault.load("main").auth_key == session.auth_key
    said = process("remove", "main", "--yes")
    assert said.code == 0 and "Devices" in said.out and "--undo" in said.out
    assert "Loans of it that have ended: 2." in said.out
    assert process("export", "main", "--to", "telethon-string", "--yes").code == 1
    assert process("remove", "main", "--yes").code == 1
    said = process("remove", "main", "--undo", "--json")
    assert said.code == 0 and said.json["state"] == "kept"
    assert keeper.vault.load("main").auth_key == session.auth_key
    assert [each.ended_why for each in shelf.loans()] == ["revoked"] * 2
    assert process("remove", "main", "--undo").code == 6, "it is there already"


def test_a_session_in_use_is_not_removed(process, keeper: Keeper) -> None:
    session = keep(keeper)
    lease = keeper.leases.try_acquire(session.auth_key.id)
    said = process("remove", "main", "--yes", "--json")
    lease.release()
    assert said.code == 3 and said.json["holder"]["pid"] == os.getpid()
    assert keeper.vault.load("main").auth_key == session.auth_key


def test_what_a_format_loses_is_told_in_one_line_and_quiet_leaves_the_one_that_matters(process, keeper: Keeper) -> None:
    keep(keeper)
    words = ("export", "main", "--to", "telethon-string", "--yes")
    told = [line for line in process(*words).err.splitlines() if line.startswith("Not in a telethon-string: ")]
    assert len(told) == 1 and told[0].count("; ") >= 2
    said = process(*words, "--quiet")
    assert len(said.err.splitlines()) == 1 and "must never speak at the same time" in said.err


def test_a_place_that_does_not_exist_is_a_matter_of_settings(process, keeper: Keeper, world: Path) -> None:
    keep(keeper)
    words = ("export", "main", "--to", "telethon-sqlite", "--yes", "--out")
    said = process(*words, "nodir/x.session")
    assert said.code == 6 and "The folder nodir does not exist." in said.err and "Free space" not in said.err
    (world / "file").touch()
    said = process(*words, "file/x.session")
    assert said.code == 6 and "file is not a folder." in said.err


def test_what_is_kept_already_is_not_called_in_use(process, keeper: Keeper, world: Path) -> None:
    """3 is for another process that holds it; these are for the user to decide."""
    (world / "s.txt").write_text(as_string(keep(keeper)))
    for words in ("import s.txt --as main", "import s.txt --as copy", "remove main --undo"):
        said = process(*words.split(), "--json")
        assert said.code == 6 and said.json["error"] == "ConfigError", words
