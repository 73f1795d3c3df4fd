"""A network: a named set of data center addresses and RSA keys. Production, test, or a TOML file.

The file is what ``telekeep emulator serve --network-file FILE`` writes: ``name``, ``[[dc]] id host port`` (``media =
true`` for media-only addresses), ``[[key]] pem`` and, for an emulator, ``control``, a socket path.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telekeep.errors import ConfigError
from telekeep.session.model import DataCenter


@dataclass(frozen=True, slots=True)
class Address:
    """Where one data center listens. ``media``: for files only, never for the main connection."""

    dc_id: int
    host: str
    port: int
    media: bool = False


@dataclass(frozen=True, slots=True)
class Network:
    """A named set of addresses and RSA keys.

    ``keys``: PKCS#1 PEM public keys; empty means those that every Telegram client carries. ``control``: the control
    socket of an emulator, None for a network of someone else's.
    """

    name: str
    addresses: tuple[Address, ...]
    keys: tuple[str, ...] = ()
    control: Path | None = None

    @property
    def is_emulator(self) -> bool:
        return self.control is not None

    @property
    def place(self) -> str:
        """What limits are counted for: each network has its own. An emulator is a new one with every start."""
        return f"{self.name} {self.control}" if self.control else self.name

    @property
    def first_dc(self) -> DataCenter:
        """Where a new login starts."""
        preferred = {PRODUCTION.name: 4, TEST.name: 2}.get(self.name, self.addresses[0].dc_id)
        return self.dc(preferred)

    def dc(self, dc_id: int) -> DataCenter:
        """The main address of data center ``dc_id``. Raises ConfigError if this network has none."""
        for address in self.addresses:
            if address.dc_id == dc_id and not address.media:
                return DataCenter(dc_id, address.host, address.port)
        raise ConfigError(
            f"The network {self.name!r} has no data center {dc_id}.",
            remedy="Check --network: this session may belong to another one.",
        )


def _dcs(**hosts: str) -> tuple[Address, ...]:
    return tuple(Address(int(name[2:]), host, 443) for name, host in hosts.items())


# Addresses: core.telegram.org/api/datacenter and the configuration every client ships with.
PRODUCTION = Network(
    "production",
    _dcs(dc1="149.154.175.53", dc2="149.154.167.51", dc3="149.154.175.100", dc4="149.154.167.91", dc5="91.108.56.130"),
)
TEST = Network("test", _dcs(dc1="149.154.175.10", dc2="149.154.167.40", dc3="149.154.175.117"))


def _main(network: Network) -> dict[int, tuple[str | None, int | None]]:
    """The main address of each data center, the first where there are several."""
    return {each.dc_id: (each.host, each.port) for each in reversed(network.addresses) if not each.media}


_OWN = (_main(PRODUCTION), _main(TEST))


def telegrams_own(dc_id: object, *, test: bool, network: Network | None = None) -> tuple[str | None, int | None]:
    """Where a data center is that is known by its number alone: on ``network``, else on Telegram's own.

    Host and port; None and None if there is no such data center.
    """
    if not isinstance(dc_id, int):
        return None, None
    if network is None:
        return _OWN[bool(test)].get(dc_id, (None, None))
    return _main(network).get(dc_id, (None, None))


def load(name_or_file: str) -> Network:
    """The network called ``production`` or ``test``, or the one described by a TOML file.

    Raises ConfigError with the line of the file that is wrong.
    """
    for known in (PRODUCTION, TEST):
        if name_or_file == known.name:
            return known
    path = Path(name_or_file).expanduser()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"There is no network {name_or_file!r}: it is neither `production`, `test`, nor a file that can be read.",
            remedy="Start one with: telekeep emulator serve --network-file FILE",
        ) from None
    return _parse(text, path)


def _parse(text: str, path: Path) -> Network:
    import tomllib

    try:
        table = tomllib.loads(text)
        name = _of(str, table["name"])
        addresses = tuple(
            Address(_of(int, row["id"]), _of(str, row["host"]), _of(int, row["port"]), bool(row.get("media", False)))
            for row in table["dc"]
        )
        keys = tuple(_of(str, row["pem"]) for row in table.get("key", ()))
        control = Path(_of(str, table["control"])) if "control" in table else None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The network file {path} is not TOML: {error}.") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"The network file {path} lacks or misspells {error}.",
            remedy="It needs name, [[dc]] with id, host and port, and [[key]] with pem.",
        ) from None
    if name in (PRODUCTION.name, TEST.name):
        raise ConfigError(
            f"The network file {path} calls itself {name!r}, which is Telegram's own.", remedy="Give it another name."
        )
    if not any(not address.media for address in addresses):
        raise ConfigError(f"The network file {path} names no data center.")
    return Network(name, addresses, keys, control)


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{value!r} (a {kind.__name__} is needed)")
    return value


def dump(network: Network) -> str:
    """The TOML text that `load` reads back. Strings are JSON strings, which TOML takes as they are."""
    from json import dumps

    lines = [f"name = {dumps(network.name)}"]
    if network.control:
        lines.append(f"control = {dumps(str(network.control))}")
    for address in network.addresses:
        lines += ["", "[[dc]]", f"id = {address.dc_id}", f"host = {dumps(address.host)}", f"port = {address.port}"]
        if address.media:
            lines.append("media = true")
    for pem in network.keys:
        lines += ["", "[[key]]", f"pem = {dumps(pem)}"]
    return "\n".join(lines) + "\n"
