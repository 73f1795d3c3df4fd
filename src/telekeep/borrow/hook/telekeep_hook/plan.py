"""What `telekeep run` left for us to read: who is lent, and where the gateway is."""

from __future__ import annotations

import json
import os

from .refusal import ENDED, Refused

if False:  # TYPE_CHECKING, without importing typing into every program
    from typing import Any

FILE = "plan.json"
VERSION = 1


def read(folder: str) -> dict[str, Any]:
    """The plan in the private folder of a run, and in it ``folder`` itself. Raises Refused if it is over."""
    try:
        with open(os.path.join(folder, FILE), encoding="utf-8") as file:
            plan: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        raise Refused(
            "This program was started below `telekeep run`, which has ended.",
            "Start it again with `telekeep run`, or unset TELEKEEP_RUN and PYTHONPATH to use a session of its own.",
            ENDED,
        ) from None
    if plan.get("v") != VERSION:
        raise Refused("This program was started by another release of telekeep.", "Start it again with `telekeep run`.")
    plan["folder"] = folder
    return plan
