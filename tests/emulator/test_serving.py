"""The emulator as a process of its own: its file, its control socket, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.stock import telethon
from telekeep import control
from telekeep.emulator import Emulator
from telekeep.emulator.serve import serve
from telekeep.errors import ConfigError, TelegramNetworkError
from telekeep.session.network import Network, dump, load


@asynccontextmanager
async def served(file: Path) -> AsyncIterator[Network]:
    """`serve` in this process, until the end of the block."""
    ready: asyncio.Queue[Path] = asyncio.Queue()
    task = asyncio.create_task(serve(file, ready=ready.put_nowait))
    try:
        async with asyncio.timeout(30):
            network = load(str(await ready.get()))
        yield network
        if not task.done():
            await asked(network, "stop")
    finally:
        async with asyncio.timeout(30):
            await task


async def asked(network: Network, verb: str, **fields: Any) -> Any:
    assert network.control is not None
    return await asyncio.to_thread(control.ask, network.control, verb, **fields)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "network.toml"


async def test_the_verbs_do_what_they_say(file: Path) -> None:
    async with served(file) as network:
        account = await asked(network, "account", phone="9996621234", password="x", messages=2, first_name="Ada")
        assert account["phone"] == "9996621234"
        assert set(await asked(network, "stats")) == {
            "rpc", "handshakes", "logins", "codes_sent", "connections", "duplicated", "overlap"
        }  # fmt: skip
        before = (await asked(network, "advance", seconds=0.5))["now"]
        assert (await asked(network, "advance", seconds=3600))["now"] >= before + 3600
        assert await asked(network, "send", to="9996621234", text="hello", count=2) is None
        assert await asked(network, "fault", kind="flood", phone="9996621234", seconds=0.5, times=2) is None


@pytest.mark.parametrize(
    ("verb", "fields"),
    [
        ("dance", {}),
        ("fault", {"kind": "earthquake"}),
        ("fault", {"nonsense": 1}),
        ("fault", {"kind": "revoke", "phone": "9996600000"}),
        ("send", {"to": "999", "text": "x"}),
        ("account", {"phone": "not a number"}),
        ("advance", {"seconds": -5}),
    ],
)
async def test_a_wrong_question_is_a_config_error_and_nothing_breaks(
    file: Path, verb: str, fields: dict[str, Any]
) -> None:
    async with served(file) as network:
        with pytest.raises(ConfigError):
            await asked(network, verb, **fields)
        await asked(network, "stats")


async def test_garbage_on_the_control_socket_is_answered_with_an_error(file: Path) -> None:
    async with served(file) as network:
        reader, writer = await asyncio.open_unix_connection(network.control)
        writer.write(b"garbage\n[1]\n")
        for _ in range(2):
            with pytest.raises(ConfigError):
                control.outcome(control.decode(await reader.readline()))
        writer.close()
        await writer.wait_closed()


async def test_the_control_socket_is_for_its_owner_only(file: Path) -> None:
    async with served(file) as network:
        assert network.control is not None
        assert stat.S_IMODE(network.control.stat().st_mode) == 0o600
        assert stat.S_IMODE(network.control.parent.stat().st_mode) == 0o700


async def test_the_file_describes_the_network(file: Path) -> None:
    async with served(file) as network:
        assert network.is_emulator
        assert [address.dc_id for address in network.addresses if not address.media] == [2, 4]
        assert any(address.media for address in network.addresses)
        assert len({address.port for address in network.addresses}) == 3
        assert all(address.host == "127.0.0.1" for address in network.addresses)
        (pem,) = network.keys
        assert pem.startswith("-----BEGIN RSA PUBLIC KEY-----")


async def test_nothing_is_left_behind_but_the_file(file: Path) -> None:
    async with served(file) as network:
        pass
    assert network.control is not None
    assert not network.control.parent.exists()
    with pytest.raises(TelegramNetworkError, match="control socket"):
        control.ask(network.control, "stats")


async def test_an_emulator_that_is_gone_is_named_by_its_file(file: Path) -> None:
    """And not by a socket and the number of an error, which help nobody."""
    async with served(file) as network:
        pass
    assert network.control is not None
    with pytest.raises(TelegramNetworkError) as error:
        control.ask(network.control, "stats", network_file="my net.toml")
    assert error.value.message == "No emulator answers at my net.toml."
    assert error.value.remedy == "Start it again with `telekeep emulator serve --network-file 'my net.toml'`."


async def test_the_next_one_listens_where_the_last_one_did(file: Path) -> None:
    async with served(file) as first:
        pass
    async with served(file) as second:
        assert second.addresses == first.addresses


async def test_ports_that_are_taken_are_replaced(file: Path) -> None:
    async with served(file) as first:
        pass
    async with Emulator(addresses=first.addresses), served(file) as second:
        assert not {each.port for each in second.addresses} & {each.port for each in first.addresses}


async def test_a_file_of_another_network_is_not_overwritten(file: Path) -> None:
    async with Emulator() as telegram:
        file.write_text(dump(telegram.network))
    before = file.read_text()
    with pytest.raises(ConfigError, match="no emulator"):
        await serve(file, ready=lambda _: None)
    assert file.read_text() == before


async def test_a_second_emulator_does_not_take_the_file_of_one_that_runs(file: Path) -> None:
    async with served(file) as network:
        with pytest.raises(ConfigError, match="runs already"):
            await serve(file, ready=lambda _: None)
        assert load(str(file)) == network
        await asked(network, "stats")


async def test_a_long_temporary_folder_still_has_room_for_the_socket(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    async with served(file) as network:
        await asked(network, "stats")


async def test_the_worlds_time_is_that_of_the_test_clock(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clock").write_text("2000000000 5 boot")
    monkeypatch.setenv("TELEKEEP_TEST_CLOCK", str(tmp_path / "clock"))
    async with served(file) as network:
        assert await asked(network, "advance", seconds=10) == {"now": 2000000010.0}


async def test_a_file_that_cannot_be_written_ends_it_cleanly(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="does not exist"):
        await serve(tmp_path / "missing" / "network.toml", ready=lambda _: None)


PROGRAM = """
import asyncio, sys
from pathlib import Path
from telekeep.emulator.serve import serve
asyncio.run(serve(Path(sys.argv[1]), ready=lambda file: print("ready", file, flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_while_clients_are_connected(file: Path, number: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", PROGRAM, str(file),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == f"ready {file}\n".encode()
        network = load(str(file))
        async with Emulator() as stranger:  # only for its helper: the client connects to the process
            stranger.network = network
            async with telethon(stranger, network.first_dc, connection_retries=1, auto_reconnect=False):
                process.send_signal(number)
                _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def test_the_verb_stop_ends_the_process_without_a_word_whoever_is_connected(file: Path) -> None:
    """Clients of the control socket that are idle, and some that come in the moment of the end."""
    for _ in range(6):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, str(file),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=dict(os.environ),
        )  # fmt: skip
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == f"ready {file}\n".encode()
            path = load(str(file)).control
            assert path is not None
            lines = [await asyncio.open_unix_connection(path) for _ in range(4)]
            lines[0][1].write(control.request("stop"))
            late = await asyncio.gather(*(asyncio.open_unix_connection(path) for _ in range(4)), return_exceptions=True)
            lines += [each for each in late if not isinstance(each, BaseException)]
            assert control.outcome(control.decode(await lines[0][0].readline())) is None
            _, said = await process.communicate()
        for _reader, writer in lines:
            writer.close()
        assert (process.returncode, said) == (0, b"")


async def test_a_client_that_does_not_read_its_answers_does_not_keep_the_emulator(file: Path) -> None:
    async with served(file) as network:
        _, writer = await asyncio.open_unix_connection(network.control)
        writer.write(control.request("stats") * 20_000)
        await asked(network, "stats")
    writer.transport.abort()
