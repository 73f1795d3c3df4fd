"""`telekeep renew` and `telekeep fork`, on the command line."""

from __future__ import annotations

import subprocess

from cli.helpers import Run

NET = ("--network", "net.toml")
PHONE, CODE, PASSWORD = "9996621234", "22222", "correct horse battery"


def kept(call: Run, *, password: bool = False) -> None:
    protected = ("--password", PASSWORD) if password else ()
    call("emulator", "account", "--network-file", "net.toml", "--phone", PHONE, *protected, "--messages", "4")
    given = ("--password-file", "pw") if password else ()
    said = call("auth", "main", "--phone", PHONE, "--code", CODE, *given, *NET)
    assert said.code == 0, said


def test_a_session_is_renewed_and_forked(call: Run, process: Run, served: subprocess.Popen[str]) -> None:
    kept(call)
    said = process("renew", "main", "--json", *NET)
    assert said.code == 0, said
    found = said.json
    assert found["name"] == "main" and found["generation"] == 2 and found["ended"] and found["lost"] == []
    assert found["before"] != found["after"]
    assert call("test", "main", *NET).code == 0
    said = call("fork", "main", "--as", "main@laptop", *NET)
    assert said.code == 0 and "Kept as main@laptop" in said.out, said
    assert [call("test", name, *NET).code for name in ("main", "main@laptop")] == [0, 0]
    said = call("restore", "main", *NET)
    assert said.code == 2 and "holds of main has ended since" in said.err, said
    said = call("restore", "main", "--yes", *NET)
    assert said.code == 7 and "--from" in said.err, "a dead key takes no living one's place unless it is named"
    assert call("test", "main", *NET).code == 0
    said = call("diagnostics", "--json", *NET)
    assert said.code == 0, "a fork of ours is no stranger"
    seen = call("emulator", "stats", "--network-file", "net.toml", "--json").json
    assert (seen["duplicated"], seen["overlap"], seen["codes_sent"]) == (0, 0, 1)


def test_the_password_comes_from_a_file_and_never_from_nowhere(
    call: Run, served: subprocess.Popen[str], world: object
) -> None:
    from pathlib import Path

    Path("pw").write_text(PASSWORD + "\n")
    Path("pw").chmod(0o600)
    kept(call, password=True)
    said = call("renew", "main", *NET)
    assert said.code == 1 and "--password-file" in said.err, said
    said = call("renew", "main", "--password-file", "pw", *NET)
    assert said.code == 0 and "The old one is ended" in said.out, said
    assert PASSWORD not in said.out + said.err


def test_a_name_that_is_not_kept_and_one_that_is_taken(call: Run, served: subprocess.Popen[str]) -> None:
    kept(call)
    assert call("renew", "nobody", *NET).code == 1
    said = call("fork", "main", "--as", "main", *NET)
    assert said.code == 6 and "already kept" in said.err
    assert call("fork", "main", *NET).code == 2


def test_the_help_says_when_it_is_worth_it_and_when_not(call: Run) -> None:
    said = " ".join(call("renew", "--help").out.split())
    assert "Not worth it: age" in said and "24 hours" in said and "Examples: telekeep renew main" in said
