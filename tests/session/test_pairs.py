"""Every way between the formats that other converters have: telekeep reads and writes each, as a command too, and data
center, key and user survive.

The ways are TGConvertor's (Telethon, Pyrogram and GramJS, each as string and file, and tdata with a passcode or
without); those of opentele2, between tdata and Telethon, are among them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from session.fixtures import make
from telekeep.cli.main import main
from telekeep.secret import Secret
from telekeep.session import formats
from telekeep.session.formats import bundle
from telekeep.session.formats.tdata import crypto
from telekeep.session.model import AuthKey, DataCenter, Session, User

PASSCODE = Secret(b"1234")
SAMPLE = Session(DataCenter(4, "149.154.167.91", 443), AuthKey(make.key("pairs")), User(777001))
WAYS = {
    "telethon-string": "telethon-string",
    "telethon-file": "telethon-sqlite",
    "pyrogram-string": "pyrogram-string",
    "pyrogram-file": "pyrogram2-sqlite",
    "kurigram-file": "pyrogram-sqlite",
    "gramjs-string": "gramjs-string",
    "gramjs-file": "gramjs-string",
    "tdata": "tdata",
    "tdata-passcode": "tdata",
}
SAYS_NOBODY = ("telethon-string", "telethon-file", "gramjs-string", "gramjs-file")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TELEKEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(crypto, "_STRONG", 10)  # stretched as ever, and not as long: it is done some forty times
    Path("passcode").touch(0o600)
    Path("passcode").write_bytes(PASSCODE.reveal())
    return tmp_path


@pytest.mark.parametrize("source", WAYS)
def test_a_session_is_converted_every_way(source: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = formats.write(SAMPLE, WAYS[source], passcode=_passcode(source))
    given = place / "given"
    if source.startswith("tdata"):
        bundle.unpack(data, given)
    else:
        given.write_bytes(data)
    for target in WAYS:
        command = ["convert", str(given), target, "--to", WAYS[target]]
        command += ["--passcode-file", "passcode"] if _passcode(source) else []
        command += ["--out-passcode-file", "passcode"] if _passcode(target) else ["--no-passcode"]
        command += ["--user-id", "777001"] if source in SAYS_NOBODY else []
        assert main(command) == 0, (target, capsys.readouterr().err)
        _, (found,) = formats.read_all(formats.read_file(place / target), passcode=_passcode(target))
        assert (found.dc, found.auth_key) == (SAMPLE.dc, SAMPLE.auth_key), target
        assert (found.user is None and target in SAYS_NOBODY) or found.user == User(777001, found.user.is_bot), target


@pytest.mark.parametrize("form", ["pyrogram-string", "pyrogram-sqlite", "tdata", "telethon-v2"])
def test_whose_it_is_may_be_said_and_is_asked_for_where_it_must_be(
    form: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "given").write_bytes(formats.write(SAMPLE, "telethon-string"))
    assert main(["convert", "given", "out", "--to", form]) == 7
    assert "--user-id" in capsys.readouterr().err
    assert not (place / "out").exists()
    assert main(["convert", "given", "out", "--to", form, "--user-id", str(1 << 64)]) == 2
    (place / "other").write_bytes(formats.write(SAMPLE, "pyrogram-string"))
    assert main(["convert", "other", "out", "--to", form, "--user-id", "5"]) == 2, "it says another one itself"
    assert not (place / "out").exists()


def test_a_passcode_stays_unless_it_is_taken_away(place: Path) -> None:
    bundle.unpack(formats.write(SAMPLE, "tdata", passcode=PASSCODE), place / "given")
    words = ["convert", "given", "out", "--to", "tdata", "--passcode-file", "passcode"]
    assert main([*words, "--no-passcode", "--out-passcode-file", "passcode"]) == 2
    assert main(words) == 0
    assert formats.read_all(formats.read_file(place / "out"), passcode=PASSCODE)[1][0].auth_key == SAMPLE.auth_key


def _passcode(way: str) -> Secret | None:
    return PASSCODE if way == "tdata-passcode" else None
