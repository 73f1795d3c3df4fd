"""A program in a network of its own, as in a container: it reaches the gateway at one address of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stories.borrowing.lending import PROGRAMS, Lending, line, until
from telekeep.cli.demo.stage import Stage

pytestmark = pytest.mark.xdist_group("namespaces")  # two would want the same names


@dataclass
class Box:
    """A network namespace, and the address at which it reaches this machine."""

    name: str
    host: str

    def start(self, lending: Lending, *words: str | Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, str(PROGRAMS / "contained.py"), *map(str, words)],
            env={name: value for name, value in os.environ.items() if not name.startswith("TELE")},
            cwd=lending.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        lending.stage.running.append(process)
        return process


@pytest.fixture
def box() -> Iterator[Box]:
    name, net = f"tk{os.getpid()}", _unused()
    host = f"{net}.1"
    if os.geteuid() or not shutil.which("ip") or _ip("netns", "add", name).returncode:
        pytest.skip("network namespaces need root and iproute2")
    try:
        outer, inner = f"{name}o"[-15:], f"{name}i"[-15:]
        for words in (
            f"link add {outer} type veth peer name {inner} netns {name}",
            f"address add {host}/24 dev {outer}",
            f"link set {outer} up",
            f"-n {name} address add {net}.2/24 dev {inner}",
            f"-n {name} link set {inner} up",
            f"-n {name} link set lo up",
        ):
            assert _ip(*words.split()).returncode == 0, words
        yield Box(name, host)
    finally:
        _ip("netns", "del", name)


def _unused() -> str:
    """A network of 254 addresses that no device of this machine is in: another run of these tests has another."""
    taken = _ip("-o", "address").stdout.decode() if shutil.which("ip") else ""
    places = [os.getpid() % 250, *range(250)]  # beyond is what no device is to have
    return next(net for net in (f"10.213.{place}" for place in places) if f" {net}." not in taken)


def _ip(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", *words], capture_output=True, timeout=20)


@pytest.fixture
def lending(kept: Stage) -> Iterator[Lending]:
    with Lending(kept) as lending:
        yield lending


def _ask(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdin is not None
    process.stdin.write(word + "\n")
    process.stdin.flush()
    return line(process)


def _listens_at(host: str) -> bool:
    """Whether anything here listens at ``host``, as the kernel tells (proc_net_tcp)."""
    wanted = bytes(reversed([int(part) for part in host.split(".")])).hex().upper()
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].startswith(wanted) and row[3] == "0A" for row in rows)


def test_a_program_in_a_container_borrows_at_one_address_and_downloads_from_every_data_center(
    lending: Lending, box: Box, tmp_path: Path
) -> None:
    file = tmp_path / "far.txt"
    file.write_text("from far away")
    lending.ok("emulator", "send", "--to", "9996621234", "--file", str(file), "--dc", "4")
    folder = tmp_path / "given"
    said = lending.ok("lend", "main", "--for-container", "--address", box.host, "--out", str(folder))
    assert "gateway.pem" in said and box.host in said
    assert (folder / "session.txt").stat().st_mode & 0o777 == 0o600

    program = box.start(lending, folder, folder / "gateway.pem")
    assert line(program) == "ready 9996621234", program.communicate()
    assert _ask(program, "download") == "from far away"

    lending.kill_daemon()
    lending.ok("daemon", "start")
    assert _ask(program, "hello from a box").startswith("sent")

    (loan,) = (each for each in lending.loans() if each["host"])
    lending.ok("loans", "revoke", loan["id"])
    until(lambda: not _listens_at(box.host))
    lending.check()


def test_a_loan_for_this_machine_is_not_good_where_containers_are_nor_the_other_way_round(
    lending: Lending, box: Box, tmp_path: Path
) -> None:
    folder = tmp_path / "given"
    lending.ok("lend", "main", "--for-container", "--address", box.host, "--out", str(folder))
    plain = lending.lend("main")
    (folder / "session.txt").write_text(_at(plain, of=(folder / "session.txt").read_text().strip()))
    said = lending.stage.finish(box.start(lending, folder))
    assert said.code != 0 and "AuthKeyNotFound" in said.err
    lending.check()


def _at(string: str, *, of: str) -> str:
    """The key of ``string`` at the address of ``of``."""
    from telethon.sessions import StringSession

    mine, theirs = StringSession(string), StringSession(of)
    mine.set_dc(theirs.dc_id, theirs.server_address, theirs.port)
    mine.auth_key = StringSession(string).auth_key
    return str(mine.save())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--for-container"], "--out"),
        (["--for-container", "--to", "telethon-sqlite", "--out", "x"], "string"),
        (["--for-container", "--address", "0.0.0.0", "--out", "x"], "0.0.0.0"),
        (["--for-container", "--address", "8.8.8.8", "--out", "x"], "8.8.8.8"),
        (["--for-container", "--address", "there", "--out", "x"], "there"),
        (["--for-container", "--address", "10.213.255.99", "--out", "x"], "10.213.255.99"),
    ],
)
def test_what_cannot_be_given_to_a_container_is_said(lending: Lending, words: list[str], told: str) -> None:
    said = lending.telekeep("lend", "main", *words)
    assert said.code in (2, 6, 8) and told in said.err, said
    assert not (lending.folder / "x").exists()
