"""`telekeep emulator`: a Telegram as a process, and the commands that speak to it."""

from __future__ import annotations

import signal
import tomllib
from pathlib import Path

import pytest

from telekeep.session.network import load


def test_the_file_describes_a_network_of_loopback(served, world: Path) -> None:
    table = tomllib.loads((world / "net.toml").read_text())
    assert table["name"] and table["control"] and table["key"][0]["pem"].startswith("-----BEGIN RSA PUBLIC KEY")
    assert all(row["host"].startswith("127.") and row["id"] and row["port"] for row in table["dc"])
    assert any(row.get("media") for row in table["dc"])
    assert load("net.toml").is_emulator


def test_accounts_faults_messages_and_counters(served, call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEKEEP_NETWORK", "net.toml")
    said = call("emulator", "account", "--phone", "9996621234", "--password", "pretend", "--messages", "3", "--json")
    assert said.code == 0 and said.json["id"] > 0 and said.json["phone"].endswith("9996621234")
    assert call("emulator", "fault", "flood", "--seconds", "1.5", "--method", "auth.sendCode").code == 0
    assert call("emulator", "fault", "revoke", "--phone", "9996621234", "--times", "2").code == 0
    assert call("emulator", "send", "--to", "9996621234", "--text", "hi", "--count", "2").code == 0
    assert call("emulator", "advance", "--seconds", "86400.5").code == 0
    counters = call("emulator", "stats", "--json").json
    names = {"rpc", "handshakes", "logins", "codes_sent", "connections", "duplicated", "overlap"}
    assert names <= set(counters) and not any(counters[name] for name in names)
    assert call("emulator", "stats").out.splitlines()[0].split() == ["rpc", "0"]


def test_a_message_may_carry_a_file_that_lies_in_another_data_center(served, call, world: Path) -> None:
    network = ("--network-file", "net.toml")
    assert call("emulator", "account", "--phone", "9996621234", *network).code == 0
    (world / "notes.txt").write_text("notes")
    assert call("emulator", "send", "--to", "9996621234", "--file", "notes.txt", "--dc", "4", *network).code == 0
    said = call("emulator", "send", "--to", "9996621234", "--file", "notes.txt", "--dc", "5", *network)
    assert said.code != 0 and "no data center 5" in said.err
    assert call("emulator", "send", "--to", "9996621234", *network).code == 2, "it would say nothing"
    assert call("emulator", "send", "--to", "9996621234", "--text", "hi", "--dc", "4", *network).code == 2


def test_a_fault_says_whom_it_is_for(served, call) -> None:
    network = ("--network-file", "net.toml")
    assert "for every account" in call("emulator", "fault", "flood", *network).out
    assert call("emulator", "account", "--phone", "9996621234", *network).code == 0
    said = call("emulator", "fault", "flood", "--phone", "9996621234", "--method", "users.getUsers", *network)
    assert "for 9996621234" in said.out and "users.getUsers" in said.out and "every" not in said.out


def test_what_makes_no_sense_is_refused(served, call) -> None:
    network = ("--network-file", "net.toml")
    assert call("emulator", "fault", "nonsense", *network).code == 2
    assert call("emulator", "advance", "--seconds", "-1", *network).code == 2
    said = call("emulator", "send", "--to", "9996600000", "--text", "hi", *network)
    assert said.code == 6 and "✗" in said.err and "→" in said.err


def test_channels_are_made_and_written_in(served, call) -> None:
    network = ("--network-file", "net.toml")
    assert call("emulator", "account", "--phone", "9996621234", *network).code == 0
    made = call(
        "emulator", "channel", "--title", "News", "--username", "the_news", "--messages", "9", "--json", *network
    )
    assert (made.code, made.json["username"]) == (0, "the_news")
    said = call(
        "emulator", "channel", "--title", "Club", "--group", "--member", "9996621234", "--slow-mode", "10", *network
    )
    assert said.code == 0 and "t.me/+" in said.out, said
    assert call("emulator", "send", "--to", "@the_news", "--text", "hi", "--count", "2", *network).code == 0
    for words, why in (
        (("send", "--to", "@nobody", "--text", "hi"), "there is no channel @nobody"),
        (("channel", "--title", "News", "--username", "the_news"), "USERNAME_OCCUPIED"),
        (("channel", "--title", "News", "--username", "a b"), "no username"),
        (("channel", "--title", " "), "CHAT_TITLE_EMPTY"),
        (("channel", "--title", "News", "--member", "9996600000"), "no account has the phone number"),
        (("channel", "--title", "Club", "--group", "--slow-mode", "7"), "SECONDS_INVALID"),
        (("channel", "--title", "News", "--slow-mode", "10"), "CHAT_ID_INVALID"),
    ):
        said = call("emulator", *words, *network)
        assert said.code not in (0, 1) and why in said.err, (words, said)
    assert call("emulator", "send", "--to", "@the_news", "--file", "net.toml", *network).code == 2


def test_a_network_that_is_no_emulator_is_refused(call, world: Path) -> None:
    assert call("emulator", "stats").code == 2, "which one?"
    assert call("emulator", "stats", "--network", "production").code == 6
    assert call("emulator", "stats", "--network-file", "nowhere.toml").code == 6


@pytest.mark.parametrize("end", ["stop", "SIGINT", "SIGTERM"])
def test_it_ends_cleanly_and_nobody_answers_afterwards(served, call, end: str) -> None:
    if end == "stop":
        assert call("emulator", "stop", "--network-file", "net.toml").code == 0
    else:
        served.send_signal(getattr(signal, end))
    assert served.wait(timeout=30) == 0
    said = call("emulator", "stats", "--network-file", "net.toml")
    assert said.code == 5 and "→" in said.err


def test_every_kind_of_fault_is_known_to_the_emulator() -> None:
    from telekeep.cli.emulator import KINDS
    from telekeep.emulator import faults

    assert sorted(KINDS) == sorted(faults.KINDS)
