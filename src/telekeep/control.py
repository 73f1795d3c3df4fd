"""Frames of a control socket: how a command talks to a process of ours on the same machine.

One JSON object per line over a Unix socket: ``{"verb": …, fields}`` there, ``{"result": …}`` or ``{"error": class name,
"message", "remedy"}`` back. Whoever serves it keeps the socket in a folder that only its owner may enter.
"""

from __future__ import annotations

import json
import shlex
import socket
from pathlib import Path
from typing import Any

from telekeep import errors
from telekeep.errors import ConfigError, TelegramNetworkError, TelekeepError

MAX_FRAME = 1 << 20  # bytes
TIMEOUT = 30.0  # seconds a command waits for its answer


class FrameError(ValueError):
    """A line that is no frame."""


def encode(frame: dict[str, Any]) -> bytes:
    """One frame, with the newline that ends it."""
    return json.dumps(frame, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """The frame in one line. Raises FrameError."""
    try:
        frame = json.loads(line)
    except ValueError:
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
    """The frame that answers with an error: telekeep's own travel by name, any other as ConfigError."""
    known = error if isinstance(error, TelekeepError) else ConfigError(str(error) or type(error).__name__)
    return encode({"error": type(known).__name__, "message": known.message, "remedy": known.remedy})


def outcome(frame: dict[str, Any]) -> Any:
    """The result in an answer. Raises the error that it names instead; FrameError if it is no answer."""
    if "error" in frame:
        named = getattr(errors, str(frame["error"]), None)
        kind = named if isinstance(named, type) and issubclass(named, TelekeepError) else TelekeepError
        raise kind(str(frame.get("message", "")), remedy=frame.get("remedy"))
    if "result" not in frame:
        raise FrameError("an answer has a result or an error")
    return frame["result"]


def ask(path: Path, verb: str, *, timeout: float = TIMEOUT, network_file: str | None = None, **fields: Any) -> Any:
    """Ask the process behind the socket ``path``, and wait up to ``timeout`` seconds for its answer.

    ``network_file``: where it is an emulator's socket, the file to name to the user. Raises TelegramNetworkError if
    nobody answers there, and whatever error the answer names.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(str(path))
            line.sendall(request(verb, **fields))
            frame = decode(_one_line(line))
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
