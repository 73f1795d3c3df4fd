"""``telekeep archive search``, ``stats`` and ``export``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from telekeep.cli.archive.chats import CHAT, WithChats, chosen, place_option
from telekeep.cli.command import Invocation, Usage, command
from telekeep.cli.output import style
from telekeep.cli.shelf import counted

if TYPE_CHECKING:
    from telekeep.work.archive.stores.store import Store

_chats = click.option("--chat", "chats", metavar="CHAT", type=CHAT, multiple=True, help="Only this one; repeatable.")
_place = place_option("--in", "The archive: FILE.db, FILE.jsonl or postgresql://USER@HOST/DATABASE")


@command(cls=WithChats, epilog='Example: telekeep archive search "red balloon" --in news.db')
@click.argument("words", metavar="WORDS…", nargs=-1)
@_place
@_chats
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
def search(invocation: Invocation, words: tuple[str, ...], place: str, chats: tuple[str, ...], limit: int) -> int:
    """Find messages that hold all WORDS, newest first. Exit code 1 if there is none."""
    wanted = " ".join(words).strip().encode(errors="replace").decode()  # arguments may be no text
    if not wanted:
        raise Usage("Which words?", remedy='Example: telekeep archive search "red balloon"')
    from telekeep.work.archive.export import line

    with _opened(place) as store:
        found = store.search(wanted, chosen(store, chats), limit)
    facts = [{**each.message._asdict(), "chat": each.chat, "sender": each.sender} for each in found]
    lines = [line(each) for each in found]
    if not found and not invocation.quiet:
        lines = [f"No message holds {wanted!r}."]
    invocation.out.data({"messages": facts}, lines)
    return 0 if found else 1


@command(cls=WithChats, epilog="Example: telekeep archive stats --in news.db")
@_place
@_chats
@click.option("--days", type=click.IntRange(min=1, max=366), default=14, show_default=True, help="Days of the chart.")
def stats(invocation: Invocation, place: str, chats: tuple[str, ...], days: int) -> None:
    """Count what is kept: messages of each chat, and of each day, with a chart."""
    from telekeep.work.archive.stats import chart, stats

    with _opened(place) as store:
        found = stats(store, chosen(store, chats))
    lines = [f"{found.messages:,} messages in {counted(len(found.chats), 'chat')}, {counted(found.files, 'file')}."]
    titles = [" ".join(each["title"].split()) for each in found.chats]
    width = max(map(len, titles), default=0)
    for title, each in zip(titles, found.chats, strict=True):
        whole = "" if each["whole"] else "  (not back to the first)"
        lines.append(f"  {title.ljust(width)}  {each['id']:>15}  {each['messages']:>10,}{whole}")
    lines += ["", *(f"{day}  {style(bar, 'good')} {count:,}" for day, bar, count in chart(found.days, days))]
    invocation.out.data(found.facts(), lines)


@command(cls=WithChats, epilog="Example: telekeep archive export --to markdown --in news.db --out news.md")
@click.option("--to", "form", type=click.Choice(["markdown", "csv", "json"]), required=True, help="What to write.")
@_place
@_chats
@click.option("--out", "out_file", type=click.Path(dir_okay=False, path_type=Path), help="A file (standard output).")
@click.option("--deleted", is_flag=True, help="With messages that were deleted.")
@click.option("--force", is_flag=True, help="Overwrite the file if it is there.")
def export(
    invocation: Invocation,
    form: str,
    place: str,
    chats: tuple[str, ...],
    out_file: Path | None,
    deleted: bool,
    force: bool,
) -> None:
    """Write messages as markdown, csv or json, by chat and in the order in which they came."""
    from telekeep.work.archive.export import export as exported

    if out_file is not None and out_file.exists() and not force:
        raise Usage(f"{out_file} is already there.", remedy="Name another file, or add --force to overwrite it.")
    if invocation.json and out_file is None:
        raise Usage("What --json prints is about the export.", remedy="Add --out FILE, or leave --json away.")
    with _opened(place) as store:
        parts = exported(store, form, chosen(store, chats), deleted=deleted)
        if out_file is None:
            for part in parts:
                sys.stdout.write(part)
            return
        count = _written(out_file, parts)
    told: dict[str, Any] = {"format": form, "file": str(out_file), "characters": count}
    invocation.out.data(told, () if invocation.quiet else [f"Written to {out_file}."])


def _written(path: Path, parts: Iterator[str]) -> int:
    """Write a file of mode 0600, whole or not at all."""
    import os

    from telekeep.database import border

    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    count = 0
    with border(path):
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                for part in parts:
                    count += file.write(part)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return count


@contextmanager
def _opened(place: str) -> Iterator[Store]:
    from telekeep.work.archive.stores.place import opened

    store = opened(place, reading=True)
    try:
        yield store
    finally:
        store.close()
