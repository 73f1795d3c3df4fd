"""In a process that has this folder in PYTHONPATH, the daemon's owners are those of `work.fake`."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

sys.path.append(str(Path(__file__).parents[2]))


class _Owners(ModuleType):
    """`telekeep.work.owners`, whose class is looked up when it is needed."""

    def __getattr__(self, name: str) -> object:
        if name == "Owners":
            from work.fake import FakeOwners

            return FakeOwners
        raise AttributeError(name)


sys.modules["telekeep.work.owners"] = _Owners("telekeep.work.owners")
