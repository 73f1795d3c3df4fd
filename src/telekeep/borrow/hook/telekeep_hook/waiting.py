"""Call something as soon as a package has been imported, by whatever means it is found."""

from __future__ import annotations

import sys

if False:  # TYPE_CHECKING, without importing typing into every program
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Waiting:
    """A finder for `sys.meta_path`: it finds nothing itself. ``reactions``: what to call, by the name of the package.

    A reaction is called with the module, before anybody else sees it; what it raises ends the import.
    """

    def __init__(self, reactions: dict[str, Callable[[ModuleType], None]]) -> None:
        self._reactions = reactions

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with the reaction behind it."""
        react = self._reactions.get(name)
        if react is None:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                if spec.loader is not None:
                    _follow(spec.loader, name, react)
                return spec
        return None


def _follow(loader: Any, name: str, react: Callable[[ModuleType], None]) -> None:
    """Let ``loader`` call ``react`` once it has loaded ``name``. Others may use the same loader: that of a zip file."""
    from .collector import at_rest  # most programs import neither

    if hasattr(loader, "exec_module"):
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            if module.__name__ != name:
                execute(module)
                return
            at_rest(lambda: execute(module))
            loader.__dict__.pop("exec_module", None)
            react(module)

        loader.exec_module = exec_module
    else:  # zipimport, before Python 3.10
        load = loader.load_module

        def load_module(fullname: str) -> ModuleType:
            module: ModuleType = load(fullname)
            if fullname == name:
                loader.__dict__.pop("load_module", None)
                react(module)
            return module

        loader.load_module = load_module
