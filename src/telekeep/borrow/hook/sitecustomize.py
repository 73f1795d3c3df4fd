"""Python runs this by itself when it starts, in every program below `telekeep run`. Any Python may read it: even 2.7.

Whatever happens here, a program that uses neither Telethon nor Pyrogram must not notice, and one that does must not
get to its own session past us.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _begin():  # type: () -> None
    folder = os.environ.get("TELEKEEP_RUN")
    if not folder:
        return
    try:
        if sys.version_info < (3, 8):  # noqa: UP036
            raise ImportError("telekeep run needs Python 3.8 or newer")
        from telekeep_hook import begin  # type: ignore[import-not-found]

        begin(folder)
    except Exception:
        for name in ("telethon", "pyrogram"):
            sys.modules[name] = None  # type: ignore[assignment]  # importing it fails from now on


def _hand_over():  # type: () -> None
    """Run the sitecustomize that this one hides, and leave sys.path as it would be without us."""
    sys.path[:] = [each for each in sys.path if os.path.abspath(each or os.curdir) != _HERE]
    if sys.version_info < (3, 4):  # noqa: UP036
        return
    from _frozen_importlib_external import PathFinder  # importlib.machinery would load more than that

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_begin()
_hand_over()
