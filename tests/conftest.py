"""What holds for every test."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow, not wrong: examples have no deadline. Everything else stays as the profile in force has it
# (where CI is set, Hypothesis takes the same examples every time).
settings.register_profile("telekeep", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("telekeep")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The TL methods that Telegram was asked, wrappers off, as they came."""
    from telekeep.emulator import front
    from telekeep.mtproto.schema import method_name

    found: list[str] = []
    unwrapped = front.unwrapped

    def noted(request: Any) -> Any:
        leaf, envelope = unwrapped(request)
        found.append(method_name(type(leaf)))
        return leaf, envelope

    monkeypatch.setattr(front, "unwrapped", noted)
    return found
