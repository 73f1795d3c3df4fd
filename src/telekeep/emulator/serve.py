"""An emulator as a process of its own, described by a network file."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from telekeep.clock import Clock, system_clock
from telekeep.control import ask
from telekeep.emulator.cluster import Emulator
from telekeep.emulator.control import control_server
from telekeep.errors import ConfigError, TelegramNetworkError
from telekeep.paths import write_atomically
from telekeep.session.network import Address, dump, load

_LONGEST = 60  # bytes of a temporary folder's name that leave room for a socket
_PATIENCE = 2.0  # seconds for an emulator that may still be running to say so


async def serve(network_file: Path, *, ready: Callable[[Path], object], clock: Clock | None = None) -> None:
    """Run an emulator until SIGTERM, SIGINT or the verb ``stop``.

    When it listens, ``network_file`` is written whole, and ``ready`` is called with it. A file that an emulator left
    behind names the addresses to listen on again, as far as they are free; keys and accounts are new. ``clock``: what
    the world's time is read from (default: the machine's, or TELEKEEP_TEST_CLOCK's file). Raises StorageUnavailable if
    the file cannot be written, ConfigError if it is of another network, or of an emulator that still runs.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    addresses = await asyncio.to_thread(_addresses_left_in, network_file)
    telegram = await _started(addresses, clock or system_clock(test_allowed=True))
    folder = _folder_for_socket()
    control = control_server(telegram, folder / "control", stop=stopped.set)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await control.start()
        try:
            network = replace(telegram.network, control=folder / "control")
            write_atomically(network_file, dump(network).encode())
            ready(network_file)
            await stopped.wait()
        finally:
            await control.close()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        folder.rmdir()
        await telegram.stop()


def _folder_for_socket() -> Path:
    """A folder only its owner may enter, with a short name: the path of a socket has 108 bytes at most."""
    here = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="telekeep-emulator-", dir=here if len(here) <= _LONGEST else "/tmp"))


def _addresses_left_in(network_file: Path) -> tuple[Address, ...]:
    if not network_file.exists():
        return ()
    network = load(str(network_file))
    if network.control is None:
        raise ConfigError(
            f"{network_file} describes a network that is no emulator.", remedy="Choose another --network-file."
        )
    try:
        ask(network.control, "stats", timeout=_PATIENCE)
    except TelegramNetworkError:
        return network.addresses
    raise ConfigError(
        f"An emulator runs already with {network_file}.",
        remedy="Stop it with `telekeep emulator stop`, or choose another --network-file.",
    )


async def _started(addresses: tuple[Address, ...], clock: Clock) -> Emulator:
    if addresses:
        telegram = Emulator(addresses=addresses, clock=clock)
        try:
            return await telegram.start()
        except OSError:  # somebody else listens there now
            pass
    return await Emulator(clock=clock).start()
