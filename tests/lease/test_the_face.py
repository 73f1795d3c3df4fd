"""The holder's face helps to find the process, and gives no secret away."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from telekeep.clock import SystemClock
from telekeep.lease.busy import busy
from telekeep.lease.holder import DAEMON, UNKNOWN, Holder, this_process
from telekeep.lease.record import SIZE, decode, decode_fence, encode
from telekeep.lease.redaction import LIMIT, command_line

HASH = "0123456789abcdef0123456789abcdef"
SESSION = "1BVtsOHABu" + "aB3_-x9Q" * 42 + "="


class AtNoon(SystemClock):
    def wall(self) -> float:
        return 1_763_640_000.0


def ours(**changes: object) -> Holder:
    return replace(this_process(clock=AtNoon(), fence=5), **changes)  # type: ignore[arg-type]  # checked by the class


def test_we_sign_with_what_finds_us() -> None:
    holder = this_process(clock=SystemClock(), fence=5, purpose="sync")
    assert holder.pid == os.getpid()
    assert holder.host == os.uname().nodename
    assert "python" in holder.command or "pytest" in holder.command
    assert holder.is_this_process
    assert not holder.is_elsewhere


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["python", "bot.py"], "python bot.py"),
        (["telekeep", "auth", "main", "--api-hash", HASH], "telekeep auth main --api-hash …"),
        (["x", "--api-hash=short"], "x --api-hash=…"),
        (["x", "--password", "hunter2", "--name", "a"], "x --password … --name a"),
        (["x", "--bot-token", "12:AA"], "x --bot-token …"),
        (["x", "--code", "12345"], "x --code …"),
        (["x", "--password-file", "/run/secrets/p"], "x --password-file /run/secrets/p"),
        (["env", "TELEGRAM_API_ID=17", "x"], "env TELEGRAM_API_ID=… x"),
        (["env", "TELEGRAM_PASSWORD=two words", "x"], "env TELEGRAM_PASSWORD=… x"),
        (["env", "MY_SECRET=abc", "x"], "env MY_SECRET=… x"),
        (["x", SESSION], "x …"),
        (["x", f"--session={SESSION}"], "x …"),
        (["x", f"'{HASH}'"], "x '…'"),
        (["celery", "-b", "redis://:hunter2@localhost/0"], "celery -b redis://…@localhost/0"),
        (["python", "-c", f"run(api_hash='{HASH[:8]}', n=1)"], "python -c run(api_hash=…, n=1)"),
        (["/opt/a/rather/long/way/to/some/python3", "x.py"], "/opt/a/rather/long/way/to/some/python3 x.py"),
        (["/keys/" + "ab12" * 20], "…"),
        (["x", "line\nbreak\x1b[2J"], "x line break?[2J"),
    ],
)
def test_a_command_line_is_shown_without_its_secrets(arguments: list[str], shown: str) -> None:
    assert command_line(arguments) == shown


@given(some.lists(some.text()))
def test_a_command_line_is_one_printable_line_of_limited_length(arguments: list[str]) -> None:
    shown = command_line(arguments)
    assert shown.isprintable()
    assert len(shown) <= LIMIT


@given(some.text("0123456789abcdefABCDEFXYZ_-", min_size=32, max_size=400), some.sampled_from(["", "--x=", "k:", "'"]))
def test_no_long_key_is_shown_in_whatever_spelling(key: str, before: str) -> None:
    assert key not in command_line(["x", before + key])


texts = some.text(max_size=200)


@given(
    some.builds(
        Holder, pid=some.integers(1, 1 << 22), created=some.floats(0, 1e9), boot_id=texts, pid_namespace=texts,
        host=texts, user=texts, command=texts, since=some.floats(0, 4e9), fence=some.integers(0, 1 << 61),
        purpose=some.none() | texts,
    )
)  # fmt: skip
def test_every_face_fits_its_file_and_is_read_back(holder: Holder) -> None:
    written = encode(holder)
    assert len(written) == SIZE
    assert decode_fence(written) == holder.fence
    read = decode(written)
    assert (read.pid, read.created, read.since, read.fence) == (
        holder.pid, holder.created, holder.since, holder.fence
    )  # fmt: skip
    assert read.command.isprintable()


@given(some.binary(max_size=3000))
def test_any_bytes_are_a_face_or_none(data: bytes) -> None:
    assert decode(data) == UNKNOWN
    assert decode_fence(data) >= 0


@pytest.mark.parametrize(
    "change", [b'"pid": 0', b'"pid": -1', b'"pid": 99999999999', b'"pid": true', b'"pid": "1"', b'"pid": 1e999']
)
def test_a_face_with_a_pid_that_is_none_is_not_believed(change: bytes) -> None:
    """kill(0) and kill(-1) mean something else."""
    holder = ours()
    assert decode(encode(holder).replace(b'"pid": %d' % holder.pid, change)) == UNKNOWN


def test_a_refusal_says_who_since_when_and_what_to_do() -> None:
    elsewhere = ours(pid=1, command="celery worker", since=AtNoon().wall() - 200)
    error = busy(elsewhere, clock=AtNoon(), waited=30)
    assert "process 1 (celery worker), since" in str(error)
    assert "for 3 min. Waited 30 s for it." in str(error)
    assert error.exit_code == 3


def test_a_refusal_by_another_container_does_not_tell_to_kill_our_process_of_that_number() -> None:
    error = busy(ours(host="web-1", pid_namespace="pid:[7]"), clock=AtNoon())
    assert "of another container, web-1" in str(error)
    assert "kill" not in str(error.remedy)


def test_a_refusal_by_the_daemon_does_not_tell_to_kill_it() -> None:
    error = busy(ours(pid=1, purpose=DAEMON), clock=AtNoon())
    assert "held by the daemon (process 1), since" in str(error)
    assert "kill" not in str(error.remedy) and "telekeep daemon stop" in str(error.remedy)


def test_a_refusal_by_ourselves_says_so() -> None:
    error = busy(ours(), clock=AtNoon())
    assert "This program holds the session already" in str(error)


@pytest.mark.parametrize("since", [0.0, 1e15, 4e18])
def test_a_senseless_time_does_not_break_the_refusal(since: float) -> None:
    assert "process" in str(busy(ours(pid=1, since=since), clock=AtNoon()))
