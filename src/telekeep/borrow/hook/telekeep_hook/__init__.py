"""Gives a program's Telegram clients the loan that `telekeep run` has made for it. Standard library only.

waiting           call something as soon as a package has been imported
collector         importing a large package without the garbage collector getting in the way
refusal           how a program is told that it cannot have what it asks for
plan              what `telekeep run` left for us to read
standing          whether a session that a program brings is the one that is lent (decisions, no I/O)
first             one account in a program: who gets the loan where nobody is logged in
files             session files by name: the real one set aside, a stand-in in its place, both undone at the end
database          a program's own session file, opened for reading only
sqlite            Telethon's session file: writing a stand-in, reading what lies there
telethon          what becomes of Telethon's classes
lent              what becomes of one Telethon client
sessions          what becomes of Telethon's session files
kurigram          what becomes of Pyrogram's classes
kurigram_sessions what a Pyrogram program brings as its session, and what it gets instead
kurigram_line     where its connections go

Programs import the package as ``telekeep_hook``; `telekeep.borrow.run` uses those of its rules that both sides need.
"""

import sys

if False:  # TYPE_CHECKING, without importing typing into every program
    from types import ModuleType


def begin(folder: str) -> None:
    """Wait for the import of Telethon and Pyrogram. ``folder``: the private folder of the run."""
    from .waiting import Waiting

    def telethon(module: "ModuleType") -> None:
        from .plan import read
        from .telethon import install

        install(module, read(folder))

    def pyrogram(module: "ModuleType") -> None:
        from importlib import import_module

        from .plan import read

        plan = read(folder)
        import_module(f"{__name__}.kurigram").install(module, plan)

    sys.meta_path.insert(0, Waiting({"telethon": telethon, "pyrogram": pyrogram}))
