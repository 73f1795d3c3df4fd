"""The stage of the demo, which tests use as well: what a program says is heard, however it comes."""

from __future__ import annotations

from telekeep.cli.demo.stage import Stage, first_line


def test_lines_that_come_at_once_are_heard_one_after_the_other() -> None:
    with Stage() as stage:
        stage.write("two.py", "import sys\nsys.stdout.write('one\\ntwo\\n')\nsys.stdout.flush()\n")
        program = stage.start("two.py")
        assert [first_line(program), first_line(program)] == ["one", "two"]
        assert stage.finish(program).code == 0
