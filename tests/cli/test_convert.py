"""`telekeep convert`, `import` of folders and other formats: what is found, what is lost, and nothing of the secret."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cli.helpers import as_string, keep, new_session
from session.fixtures import make
from session.samples import FIXTURES
from telekeep.cli import formats as named
from telekeep.keeper import batch
from telekeep.keeper.keeper import Keeper
from telekeep.session import formats
from telekeep.session.formats import bundle


def test_the_options_name_every_format() -> None:
    assert set(named.NAMES) == set(formats.FORMATS)
    assert set(named.LENT) == {name for name, form in formats.FORMATS.items() if form.follows_address}


@pytest.mark.parametrize("form", formats.FORMATS)
def test_a_file_is_converted_into_every_format_and_back(call, world: Path, form: str) -> None:
    session = new_session()
    (world / "a.session").write_bytes(formats.write(session, "telethon-sqlite"))
    (world / "known.json").write_bytes(formats.write(session, "telekeep-json"))
    before = (world / "a.session").read_bytes()
    said = call("convert", "known.json", "out", "--to", form, "--json")
    assert said.code == 0, said
    assert said.json["from"] == "telekeep-json" and said.json["key"] == session.auth_key.fingerprint
    out = world / "out"
    assert out.stat().st_mode & 0o777 == (0o700 if formats.FORMATS[form].is_folder else 0o600)
    assert formats.read(formats.read_file(out)).auth_key == session.auth_key
    assert call("convert", "out", "back.session", "--to", "telethon-sqlite").code == 0
    assert formats.read(formats.read_file(world / "back.session")).auth_key == session.auth_key
    assert (world / "a.session").read_bytes() == before
    assert not (world / "home").exists(), "no vault is made"


def test_what_a_format_cannot_hold_is_said(call, world: Path) -> None:
    (world / "a.session").write_bytes(formats.write(new_session(), "telethon-sqlite"))
    said = call("convert", "a.session", "b.txt", "--to", "telethon-string")
    assert said.code == 0 and "Not in a telethon-string:" in said.err and "peers it has met" in said.err


def test_a_string_goes_through_a_pipe(process, world: Path) -> None:
    session = new_session()
    said = process("convert", "-", "-", "--to", "gramjs-string", stdin=as_string(session))
    assert said.code == 0 and formats.read(said.out.strip().encode()).auth_key == session.auth_key
    assert process("convert", "-", "-", "--to", "gramjs-string", "--json", stdin=as_string(session)).code == 2


def test_nothing_is_overwritten_unless_asked_and_a_folder_never(call, world: Path) -> None:
    (world / "a.txt").write_text(as_string(new_session()))
    (world / "b.session").write_text("precious")
    assert call("convert", "a.txt", "b.session", "--to", "telethon-sqlite").code == 2
    assert (world / "b.session").read_text() == "precious"
    (world / "there").mkdir()
    assert call("convert", "a.txt", "there", "--to", "gramjs-store", "--force").code == 2
    assert call("convert", "a.txt", "b.session", "--to", "telethon-sqlite", "--force").code == 0


def test_an_account_of_tdata_is_chosen_by_number(call, world: Path) -> None:
    folder = str(FIXTURES / "tdata-2.0")
    assert call("convert", folder, "b.session", "--to", "telethon-sqlite", "--account", "2").code == 0
    assert formats.read(formats.read_file(world / "b.session")).auth_key.reveal() == make.key("tdata-2.0-second")
    assert call("convert", folder, "c.session", "--to", "telethon-sqlite", "--account", "3").code == 2


def test_a_passcode_comes_from_a_private_file(call, world: Path) -> None:
    folder = str(FIXTURES / "tdata-2.0-passcode")
    said = call("convert", folder, "b.session", "--to", "telethon-sqlite")
    assert said.code == 7 and "--passcode-file" in said.err
    (world / "pc").write_text(make.PASSCODE + "\n")
    (world / "pc").chmod(0o600)
    assert call("convert", folder, "b.session", "--to", "telethon-sqlite", "--passcode-file", "pc").code == 0


# ---- import


def test_every_account_of_a_tdata_folder_is_kept(call, world: Path) -> None:
    said = call("import", str(FIXTURES / "tdata-2.0"), "--as", "desk")
    assert said.code == 0 and "a tdata folder (tdata)" in said.out
    with Keeper.open() as keeper:
        assert sorted(entry.name for entry in keeper.vault.entries()) == ["desk", "desk-2"]
        assert keeper.vault.load("desk-2").auth_key.reveal() == make.key("tdata-2.0-second")


def test_import_says_which_librarys_it_is(call, world: Path) -> None:
    said = call("import", str(FIXTURES / "mtcute.session"), "--as", "m", "--json")
    assert said.code == 0 and (said.json["format"], said.json["peers"]) == ("mtcute-sqlite", 4)


def folder_of(world: Path, count: int) -> Path:
    folder = world / "many"
    folder.mkdir()
    for number in range(count):
        form = ("telethon-sqlite", "telethon-string", "pyrogram-sqlite", "telekeep-json")[number % 4]
        ending = {"telethon-string": "txt", "telekeep-json": "json"}.get(form, "session")
        (folder / f"acc {number}.{ending}").write_bytes(formats.write(new_session(), form))
    return folder


def test_a_folder_is_kept_whole_bad_ones_are_named_and_none_is_kept_twice(call, world: Path) -> None:
    folder = folder_of(world, 12)
    twin = new_session()
    (folder / "twin.session").write_bytes(formats.write(twin, "telethon-sqlite"))
    (folder / "twin.txt").write_text(as_string(twin) + "\n")
    (folder / "broken.session").write_bytes(formats.write(twin, "telethon-sqlite")[:3000])
    (folder / "notes.md").write_text("nothing")
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    (folder / ".hidden").write_text("x")
    bundle.unpack(formats.write(new_session(), "tdata"), folder / "desktop")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    said = call("import", str(folder), "--json", "--aside", "bad")
    assert said.code == 7
    told = said.json
    assert (told["kept"], told["twice"], told["bad"]) == (14, 1, 4)
    assert {Path(each["file"]).name for each in told["sessions"] if each["state"] == "bad"} == {
        "broken.session", "notes.md", "empty", "pipe",
    }  # fmt: skip
    assert all(each["message"] and each["remedy"] for each in told["sessions"] if each["state"] == "bad")
    assert sorted(path.name for path in (world / "bad").iterdir()) == ["broken.session", "empty", "notes.md"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    with Keeper.open() as keeper:
        assert len(keeper.vault.entries()) == 14
        assert keeper.vault.load("twin").auth_key == twin.auth_key
    again = call("import", str(folder), "--json").json
    assert (again["kept"], again["twice"], again["bad"]) == (0, 15, 4)


def test_a_folder_is_told_as_a_table(call, world: Path) -> None:
    folder = folder_of(world, 3)
    (folder / "bad.session").write_text("no session")
    said = call("import", str(folder))
    assert said.code == 7 and "3 kept, 0 that were kept already, 1 that cannot be kept." in said.out
    assert "acc_0" in said.out and "✗ This is no session" in said.out


def test_a_session_in_use_is_not_taken_in_with_its_folder(keeper: Keeper, world: Path) -> None:
    folder = folder_of(world, 2)
    used = formats.read(formats.read_file(folder / "acc 0.session"))
    lease = keeper.leases.try_acquire(used.auth_key.id)
    outcomes = batch.import_all(keeper, batch.candidates(folder))
    assert [each.state for each in outcomes] == ["bad", "kept"]
    assert type(outcomes[0].error).__name__ == "SessionBusy"
    lease.release()
    assert [each.state for each in batch.import_all(keeper, batch.candidates(folder))] == ["kept", "twice"]


# ---- loans


def test_a_loan_is_not_taken_for_a_session(call, keeper: Keeper, world: Path) -> None:
    from telekeep.gateway.loans import Loan
    from telekeep.gateway.shelf import Shelf

    session = keep(keeper)
    loan = Loan.mint(session="main", label="x", grant="full", made_at=0.0)
    Shelf(keeper.vault, "main", 0).keep(loan)
    keeper.vault.flush()
    lent = replace(session, auth_key=loan.key)
    (world / "loan.txt").write_text(as_string(lent))
    said = call("import", "loan.txt", "--as", "other")
    assert said.code == 6 and "a loan of 'main'" in said.err
    assert call("check", "loan.txt", "--json").json["loan"] == "main"
    (world / "own.txt").write_text(as_string(new_session()))
    assert call("check", "own.txt", "--json").json["loan"] is None


# ---- export


@pytest.mark.parametrize("form", formats.FORMATS)
def test_every_format_is_exported(call, keeper: Keeper, world: Path, form: str) -> None:
    session = keep(keeper)
    said = call("export", "main", "--to", form, "--out", "out", "--yes", "--json")
    assert said.code == 0, said
    assert formats.read(formats.read_file(world / "out")).auth_key == session.auth_key
    assert json.dumps(said.json).count(session.auth_key.reveal().hex()[:12]) == 0
