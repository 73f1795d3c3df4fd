"""The demo is the main job; it must hold from end to end."""

from __future__ import annotations

from telekeep.cli.demo.acts import acts
from telekeep.cli.demo.stage import Stage


def test_every_step_of_the_demo_holds() -> None:
    with Stage() as stage:
        seen = [(act.claim, act.play()) for act in acts(stage)]
    assert len(seen) == 13
