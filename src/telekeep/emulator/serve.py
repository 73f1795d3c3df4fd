"""An emulator as a process of its own, described by a network file."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from telekeep.clock import Clock
from telekeep.emulator.cluster import Emulator
from telekeep.emulator.control import ControlServer
from telekeep.errors import ConfigError
from telekeep.paths import write_atomically
from telekeep.session.network import Address, Network, dump, load


async def serve(network_file: Path, *, ready: Callable[[Path], object], clock: Clock | None = None) -> None:
    """Run an emulator until SIGTERM, SIGINT or the verb ``stop``.

    When it listens, ``network_file`` is written whole, and ``ready`` is called with it. A file that an emulator left
    behind names the addresses to listen on again, as far as they are free; keys and accounts are new. ``clock``: what
    the world's time is read from. Raises StorageUnavailable or ConfigError if the file cannot be written.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    telegram = await _started(_addresses_left_in(network_file), clock)
    folder = Path(tempfile.mkdtemp(prefix="telekeep-emulator-"))  # short: a socket's path has 108 bytes at most
    control = ControlServer(telegram, folder / "control", stop=stopped.set)
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


def _addresses_left_in(network_file: Path) -> tuple[Address, ...]:
    if not network_file.exists():
        return ()
    network: Network = load(str(network_file))
    if not network.is_emulator:
        raise ConfigError(
            f"{network_file} describes a network that is no emulator.", remedy="Choose another --network-file."
        )
    return network.addresses


async def _started(addresses: tuple[Address, ...], clock: Clock | None) -> Emulator:
    if addresses:
        telegram = Emulator(addresses=addresses, clock=clock)
        try:
            return await telegram.start()
        except OSError:  # somebody else listens there now
            pass
    return await Emulator(clock=clock).start()
