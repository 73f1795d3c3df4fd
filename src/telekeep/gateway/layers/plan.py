"""How the fields of one layer's word become those of another's: decided once for every pair of words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from telekeep.gateway.layers import rules
from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.members import member
from telekeep.gateway.layers.node import Convert, Loom, Maker, Node, Value, written
from telekeep.gateway.layers.table import Field, Word


@dataclass(slots=True)
class Step:
    """One field of the target.

    ``source``: the field it is made of. ``convert``: how, None if it is copied. ``otherwise``: what it is where the
    source has nothing; None leaves it away. ``hook``: makes it of the whole object instead.
    """

    field: Field
    source: Field | None = None
    convert: Convert | None = None
    otherwise: bytes | None = None
    hook: Callable[[Node, Maker], Value] | None = None


@dataclass(slots=True)
class Plan:
    """``word`` becomes ``other`` by ``steps``. ``refused``: fields that must not be there, for they would be
    lost. ``neutral``: fields that are lost, and what they must be.
    """

    word: Word
    other: Word
    steps: list[Step] = field(default_factory=list)
    refused: list[Field] = field(default_factory=list)
    neutral: dict[str, bytes] = field(default_factory=dict)
    is_simple: bool = True

    def name(self, of: Field) -> str:
        """The TL name of a field of ``word``."""
        return f"{self.word.name}.{of.name}"


_EMPTY: Final[dict[str, Value]] = {"string": "", "bytes": bytes(4), "int": 0, "long": 0, "double": 0.0, "Bool": False}


def plan(loom: Loom, word: Word, other: Word) -> Plan:
    """The plan. Raises Untranslatable, with the name of the field, if there is none that can succeed."""
    found = Plan(word, other)
    used: set[str] = set()
    for each in other.fields.values():
        if each.kind != "#":
            found.steps.append(_step(loom, found, each, used))
    for each in word.fields.values():
        key = (word.name, each.name)
        if each.kind == "#" or each.name in used or key in rules.DROPPED or not loom.strict:
            continue
        if each.flags is None:
            if key not in rules.NEUTRAL:
                raise Untranslatable(found.name(each))
            found.neutral[each.name] = written(each.kind, rules.NEUTRAL[key])
        else:
            found.refused.append(each)
    found.is_simple = _is_simple(found)
    return found


def _step(loom: Loom, found: Plan, target: Field, used: set[str]) -> Step:
    word, other = found.word, found.other
    names = (target.name, *rules.RENAMED.get((other.name, target.name), ()))
    source = next((word.fields[name] for name in names if name in word.fields), None)
    step = Step(target, source)
    if source is None or source.kind != target.kind:
        made_of = member(other.name, target.name, target.kind, frozenset(word.fields))
        if made_of is not None:
            used |= {made_of.needs, *made_of.uses}
            step.source, step.hook = None, made_of.make
            return step
    if source is not None:
        used.add(source.name)
        if source.kind != "true" and target.kind != "true" and not loom.is_same(source.kind, target.kind):
            try:
                step.convert = loom.convert(source.kind, target.kind, found.name(source))
            except Untranslatable:
                if loom.strict or target.flags is None:
                    raise
                step.source = None  # it is left away, whatever it holds
    if target.flags is None and (source is None or source.flags is not None) and not _is_flag(source, target):
        step.otherwise = _otherwise(loom, other, target, must_be_known=source is None)
    return step


def _is_flag(source: Field | None, target: Field) -> bool:
    """Whether a flag becomes a Bool: it is false where the flag is not set."""
    return source is not None and source.kind == "true" and target.kind == "Bool"


def _otherwise(loom: Loom, other: Word, target: Field, *, must_be_known: bool) -> bytes | None:
    """What a field is that must be there, where the source says nothing. None: then there is no way."""
    key = (other.name, target.name)
    value = rules.NEUTRAL.get(key)
    if value is None and not loom.strict and key not in rules.NEVER_NEUTRAL:
        value = [] if target.kind.startswith("Vector<") else _EMPTY.get(target.kind)  # type: ignore[assignment]
    if value is not None:
        return written(target.kind, value)
    if must_be_known:
        raise Untranslatable(f"{other.name}.{target.name}")
    return None


def _is_simple(found: Plan) -> bool:
    """Whether every field stands for itself: no hooks, and bits that several fields share are shared in both."""
    if found.neutral:
        return False
    shared: dict[tuple[str, int], list[Step]] = {}
    for step in found.steps:
        source, target = step.source, step.field
        if step.hook or (source and (source.kind == "true") != (target.kind == "true")):
            return False
        if target.flags:
            shared.setdefault((target.flags, target.bit), []).append(step)
    for steps in shared.values():
        if len(steps) > 1:
            sources = {(each.source.flags, each.source.bit) if each.source else None for each in steps}
            if len(sources) > 1 or any(each.convert for each in steps):
                return False
    return True
