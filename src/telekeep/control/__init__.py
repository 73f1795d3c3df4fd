"""Frames of a control socket: how a command talks to a process of ours on the same machine.

One JSON object per line over a Unix socket: ``{"verb": …, fields}`` there, ``{"result": …}`` or ``{"error": class name,
"message", "remedy", "fields"}`` back. Whoever serves it (`telekeep.control.server`) keeps the socket in a folder that
only its owner may enter. Who asks needs no asyncio.
"""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telekeep import errors
from telekeep.errors import ConfigError, TelegramNetworkError, TelekeepError

PROTOCOL = 1  # of the verbs between a daemon and its borrowers; a daemon serves only programs of the same
MAX_FRAME = 1 << 20  # bytes
TIMEOUT = 30.0  # seconds a command waits for its answer


class FrameError(ValueError):
    """A line that is no frame."""


class Told(dict[str, Any]):
    """A field of an error that another process told: an object whose items are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def encode(frame: dict[str, Any]) -> bytes:
    """One frame, with the newline that ends it."""
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The frame in one line. Raises FrameError."""
    try:
        frame = json.loads(line)
    except (ValueError, RecursionError):
        raise FrameError("a control frame is a JSON object on one line") from None
    if not isinstance(frame, dict):
        raise FrameError("a control frame is a JSON object")
    return frame


def request(verb: str, **fields: Any) -> bytes:
    """The frame that asks for ``verb``. Fields that are None are left out."""
    return encode({"verb": verb, **{name: value for name, value in fields.items() if value is not None}})


def success(result: Any) -> bytes:
    """The frame that answers with ``result``."""
    return encode({"result": result})


def failure(error: Exception) -> bytes:
    """The frame that answers with an error: telekeep's own travel by name and with those of their fields that JSON can
    hold, any other as ConfigError.
    """
    known = error if isinstance(error, TelekeepError) else ConfigError(str(error) or type(error).__name__)
    frame = {"error": type(known).__name__, "message": known.message, "remedy": known.remedy}
    fields = {name: _plain(value) for name, value in known.fields().items() if _is_plain(value)}
    return encode({**frame, "fields": fields} if fields else frame)


def outcome(frame: dict[str, Any]) -> Any:
    """The result in an answer. Raises the error that it names instead, with the fields that its constructor takes (an
    object among them, as a lease's holder, as `Told`); FrameError if it is no answer.
    """
    if "error" in frame:
        named = getattr(errors, str(frame["error"]), None)
        kind = named if isinstance(named, type) and issubclass(named, TelekeepError) else TelekeepError
        given = frame.get("fields")
        given = given if isinstance(given, dict) else {}
        taken = getattr(kind.__init__, "__kwdefaults__", None) or {}
        fields = {name: _told(value) for name, value in given.items() if name in taken}
        raise kind(str(frame.get("message", "")), **{**fields, "remedy": frame.get("remedy")})
    if "result" not in frame:
        raise FrameError("an answer has a result or an error")
    return frame["result"]


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it, as far as errors need it: numbers, text, rows of them, and dataclasses of such."""
    if hasattr(value, "__dataclass_fields__"):
        return all(_is_plain(getattr(value, name)) for name in value.__dataclass_fields__)
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    return value is None or isinstance(value, (bool, int, float, str))


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return value


def _told(value: Any) -> Any:
    if isinstance(value, dict):
        return Told(value)
    return tuple(value) if isinstance(value, list) else value


def exchange(path: Path, verb: str, fields: dict[str, Any], *, timeout: float) -> dict[str, Any]:
    """Send one request to the socket ``path`` and return the frame that answers it.

    Waits up to ``timeout`` seconds. Raises TimeoutError, OSError if nobody is there, FrameError.
    """
    return begun(path, verb, fields, timeout=timeout)()


def begun(path: Path, verb: str, fields: dict[str, Any], *, timeout: float) -> Callable[[], dict[str, Any]]:
    """The first half of `exchange`: send the request. What it returns waits for the answer, and is to be called."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(timeout)
        line.connect(str(path))
        line.sendall(request(verb, **fields))
    except BaseException:
        line.close()
        raise

    def answer() -> dict[str, Any]:
        with line:
            return decode(_one_line(line))

    return answer


def ask(path: Path, verb: str, *, timeout: float = TIMEOUT, network_file: str | None = None, **fields: Any) -> Any:
    """Ask the process behind the socket ``path``, and wait up to ``timeout`` seconds for its answer.

    ``network_file``: where it is an emulator's socket, the file to name to the user. Raises TelegramNetworkError if
    nobody answers there, and whatever error the answer names.
    """
    try:
        frame = exchange(path, verb, fields, timeout=timeout)
    except TimeoutError:
        raise TelegramNetworkError(f"No answer within {timeout:g} s on the control socket {path}.") from None
    except (OSError, FrameError):
        raise _nobody(path, network_file) from None
    return outcome(frame)


def _nobody(path: Path, network_file: str | None) -> TelegramNetworkError:
    if network_file is None:
        return TelegramNetworkError(
            f"Nobody answers on the control socket {path}.",
            remedy="Check that the process behind it still runs, and start it again if not.",
        )
    command = f"telekeep emulator serve --network-file {shlex.quote(network_file)}"
    return TelegramNetworkError(f"No emulator answers at {network_file}.", remedy=f"Start it again with `{command}`.")


def _one_line(line: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        chunk = line.recv(65536)
        if not chunk:
            raise FrameError("the answer is cut short")
        received += chunk
        if len(received) > MAX_FRAME:
            raise FrameError("the answer is too large")
    return bytes(received)
