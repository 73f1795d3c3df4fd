"""Where a session that was written goes: a file with mode 0600, a folder with mode 0700, or standard output, alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from telekeep.cli.command import Invocation, Usage
from telekeep.cli.safekeeping import dangers

if TYPE_CHECKING:
    from telekeep.session.formats import Form


def check_place(
    invocation: Invocation, form: Form, out: Path | None, *, force: bool, suggested: str, secret: str = "A secret"
) -> None:
    """Raise Usage if what ``form`` makes cannot go to ``out``, before anything is done."""
    if out is None and not form.is_text:
        kind = "A folder" if form.is_folder else "A session file"
        ending = "" if form.is_folder else ".session"
        raise Usage(f"{kind} needs a place.", remedy=f"Add --out {suggested}{ending}")
    if out is None and invocation.json:
        raise Usage(f"{secret} is never printed as JSON.", remedy="Add --out FILE, or leave --json away.")
    if out is None or not os.path.lexists(out):
        return
    if form.is_folder:
        raise Usage(f"{out} is already there.", remedy="Name a folder that is not there yet.")
    if out.is_dir():
        raise Usage(f"{out} is a folder.", remedy="Name a file in it.")
    if not force:
        raise Usage(f"{out} is already there.", remedy="Name another file, or add --force to overwrite it.")


def place(form: Form, data: bytes, out: Path) -> tuple[tuple[str, ...], str]:
    """Write ``data`` to ``out``: what is dangerous about that place, and a line that says what was done."""
    if form.is_folder:
        from telekeep.session.formats import bundle

        bundle.unpack(data, out)
        return dangers(out), f"Written to {out} (a folder, mode 0700)."
    from telekeep.paths import write_atomically

    write_atomically(out, data)
    return dangers(out), f"Written to {out} (mode 0600)."
