"""The stage of the demo, which tests use as well: what a program says is heard, however it comes."""

from __future__ import annotations

from telekeep.cli.demo.stage import Stage, first_line

TWO = "import sys, time\nsys.stdout.write('one\\ntwo\\n')\nsys.stdout.flush()\ntime.sleep(600)\n"


def test_lines_that_come_at_once_are_heard_one_after_the_other() -> None:
    with Stage() as stage:
        stage.write("two.py", TWO)
        program = stage.start("two.py")
        assert [first_line(program), first_line(program)] == ["one", "two"]
