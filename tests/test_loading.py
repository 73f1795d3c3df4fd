"""Loading Telethon spares the garbage collector, and takes nothing from the program that loads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_young_process_no_longer_looks_through_telethon_and_collects_its_own_as_ever() -> None:
    frozen, enabled, collected = run("""\
import gc, weakref
from telekeep.loading import settled
with settled():
    import telethon

class Knot:
    def __init__(self):
        self.me = self

gone = weakref.ref(Knot())
gc.collect()
print(gc.get_freeze_count() > 50_000, gc.isenabled(), gone() is None)
""")
    assert (frozen, enabled, collected) == ("True", "True", "True")


def test_what_lies_in_a_forgotten_cycle_is_still_finalized_at_the_end(tmp_path: Path) -> None:
    """A file that a sloppy program never closed must be flushed as it would be without us."""
    run(f"""\
class Report:
    def __init__(self):
        self.file = open({str(tmp_path)!r} + "/report", "w")
        self.write = self.write_line

    def write_line(self):
        self.file.write("the last line")

report = Report()
from telekeep.loading import settled
with settled():
    import telethon
report.write()
""")

    assert (tmp_path / "report").read_text() == "the last line"


@pytest.mark.parametrize(
    ("before", "enabled"),
    [
        ("kept = [[] for _ in range(70_000)]", "True"),  # one that has lived
        ("gc.disable()", "False"),  # one that steers the collector itself
        ("gc.freeze(); import telethon", "True"),
    ],
)
def test_a_program_that_has_lived_or_steers_its_collector_is_left_alone(before: str, enabled: str) -> None:
    assert run(f"""\
import gc
{before}
frozen = gc.get_freeze_count()
from telekeep.loading import settled
with settled():
    import telethon
print(gc.get_freeze_count() == frozen, gc.isenabled())
""") == ["True", enabled]


def test_a_telethon_that_cannot_be_loaded_leaves_the_collector_on() -> None:
    assert run("""\
import gc
from telekeep.loading import settled
try:
    with settled():
        raise ImportError
except ImportError:
    print(gc.get_freeze_count(), gc.isenabled())
""") == ["0", "True"]
