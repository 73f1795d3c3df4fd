"""What is said of how fully a layer is served."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from telekeep.gateway.layers import coverage, served

HOME = Path(__file__).parents[3]


@pytest.mark.parametrize("layer", served())
def test_every_usual_request_is_served(layer: int) -> None:
    assert coverage(layer, 229).usual == dict.fromkeys(coverage(layer, 229).usual, True)


def test_what_is_refused_is_named() -> None:
    found = coverage(149, 229)
    assert found.releases == ("Telethon 1.26",)
    assert found.refused["messages.getAllChats"] == "messages.getAllChats"
    assert found.refused["messages.report"] == "messages.report.option"
    assert found.served == found.requests - len(found.refused) > 450
    assert "updateReadStories" in found.unknown_updates
    assert "updatePinnedForumTopic" not in found.unknown_updates  # it had another name


def test_ones_own_layer_is_served_wholly() -> None:
    found = coverage(229, 229)
    assert (found.refused, found.unknown_updates) == ({}, ())


def test_a_layer_without_a_table_is_unknown() -> None:
    with pytest.raises(KeyError):
        coverage(150)


def test_the_page_of_releases_is_true() -> None:
    spec = importlib.util.spec_from_file_location("releases", HOME / "tools/releases.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (HOME / "docs/releases.md").read_text() == module.page(), "make tables"


def test_nothing_is_loaded_before_the_first_old_program_comes() -> None:
    code = (
        "import sys, telekeep.gateway.layers; "
        "print([name for name in sys.modules if name.startswith('telekeep.gateway.layers.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['telekeep.gateway.layers.errors']"
