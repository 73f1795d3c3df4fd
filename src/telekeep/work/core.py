"""No image of this process on disk if it crashes: keys are in its memory."""

from __future__ import annotations

from contextlib import suppress


def none() -> None:
    """Let no core be dumped of this process, nor of those it starts (setrlimit(2); systemd-coredump heeds it too)."""
    import resource

    with suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
