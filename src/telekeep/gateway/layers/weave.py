"""Plans carried out: as a function made for the pair of words, or field by field where that is not enough."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Final

from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Convert, Loom, Node, Value
from telekeep.gateway.layers.plan import Plan, Step
from telekeep.gateway.layers.reading import FALSE, TRUE, Bounds, Code, deeper, shallower
from telekeep.gateway.layers.table import Field

_PACK: Final = struct.Struct("<I").pack


def weave(loom: Loom, plan: Plan) -> Convert:
    """A function for a simple plan: what stands side by side and is the same is copied in one piece."""
    return _Weaving(loom, plan).function()


class _Weaving:
    def __init__(self, loom: Loom, plan: Plan) -> None:
        self._loom = loom
        self._plan = plan
        self._code = Code(f"{plan.word.name}, {loom.source.layer} to {loom.target.layer}")
        self._steps = {step.source.name: step for step in plan.steps if step.source}
        # the target's fields that have bytes, in order, each with the expression that gives them
        steps = {step.field.name: step for step in plan.steps}
        self._pieces: dict[str, str] = {}
        for each in plan.other.fields.values():
            step = steps.get(each.name)
            if each.kind == "#" or (step and each.kind != "true" and (step.source or step.otherwise is not None)):
                self._pieces[each.name] = ""
        self._order = {name: index for index, name in enumerate(self._pieces)}
        self._last = -2  # the place in that order of what was copied last, -2 if nothing is being copied
        self._made = 0

    def function(self) -> Convert:
        code, plan = self._code, self._plan
        code.names |= {"P": _PACK, "Untranslatable": Untranslatable}
        deeper(code, self._loom.source, plan.word)
        if any(step.convert and step.field.flags and not self._loom.strict for step in plan.steps):
            code.add("depth = c.depth")
        for each in plan.other.fields.values():
            if each.kind == "#":
                code.add(f"lost_{each.name} = 0")
        for each in plan.word.fields.values():
            self._field(each)
        self._close()
        for each in plan.other.fields.values():
            if each.kind == "#":
                self._pieces[each.name] = f"P({self._flags(each.name)})"
        for step in plan.steps:
            if step.source is None and step.otherwise is not None:
                self._pieces[step.field.name] = repr(step.otherwise)
        shallower(code, self._loom.source, plan.word)
        parts = ", ".join([repr(plan.other.id), *(piece for piece in self._pieces.values() if piece)])
        code.add(f"return b''.join(({parts},)), p")
        found: Convert = code.function()
        return found

    # ---- one field of the source

    def _field(self, each: Field) -> None:
        loom, code = self._loom, self._code
        if each.kind == "#":
            self._close()
            loom.reader.field(code, each, self._plan.word)
            self._refusals(each.name)
            return
        step = self._steps.get(each.name)
        if each.kind == "true":
            return
        if step is None:
            self._close()
            loom.reader.field(code, each, self._plan.word)
        elif step.convert is None and (step.field.flags or not each.flags):
            self._copy(each, step)
        else:
            self._close()
            self._make(each, step)

    def _refusals(self, flags: str) -> None:
        refused = {each.bit: self._plan.name(each) for each in self._plan.refused if each.flags == flags}
        if refused:
            mask = sum(1 << bit for bit in refused)
            name = self._code.name(_Refusals(refused))
            self._code.add(f"if {flags} & {mask}: raise Untranslatable({name}.first({flags}))")

    def _copy(self, each: Field, step: Step) -> None:
        place = self._order[step.field.name]
        if place != self._last + 1:
            self._close()
            self._made += 1
            self._code.add(f"b{self._made} = p")
            self._pieces[step.field.name] = f"d[b{self._made}:e{self._made}]"
        self._last = place
        self._loom.reader.field(self._code, each, self._plan.word)

    def _close(self) -> None:
        """Nothing is being copied any more."""
        if self._last >= 0:
            self._code.add(f"e{self._made} = p")
        self._last = -2

    def _make(self, each: Field, step: Step) -> None:
        code = self._code
        self._made += 1
        made = f"m{self._made}"
        self._pieces[step.field.name] = made
        level = 1
        if each.flags:
            absent = repr(step.otherwise or b"")
            code.add(f"{made} = {absent}")
            code.add(f"if {each.flags} & {1 << each.bit}:")
            level = 2
        if step.convert is None:
            code.add("b = p", level)
            self._loom.reader.over(code, each.kind, level)
            code.add(f"{made} = d[b:p]", level)
        elif step.field.flags and not self._loom.strict:
            code.add("b = p", level)
            code.add("try:", level)
            code.add(f"{made}, p = {self._call(each, step)}", level + 1)
            code.add("except Untranslatable:", level)
            code.add(f"c.depth = depth; p = {code.name(self._loom.reader.kind(each.kind))}(d, b, c)", level + 1)
            code.add(f"{made} = b''; lost_{step.field.flags} |= {1 << step.field.bit}", level + 1)
        else:
            code.add(f"{made}, p = {self._call(each, step)}", level)
        if each.flags and step.field.flags is None and step.otherwise is None:
            code.add(f"else: raise Untranslatable({self._plan.name(each)!r})")

    def _call(self, each: Field, step: Step) -> str:
        words = self._loom.boxed(each.kind, step.field.kind)
        if words is not None:
            return f"{self._code.name(words)}[d[p:p + 4]](d, p + 4, c)"
        return f"{self._code.name(step.convert)}(d, p, c)"

    # ---- the flags of the target

    def _flags(self, flags: str) -> str:
        always, same = 0, dict[str, int]()
        moved: dict[tuple[str, int, int], None] = {}
        for step in self._plan.steps:
            source, target = step.source, step.field
            if target.flags != flags or source is None:
                continue
            if source.flags is None:
                always |= 1 << target.bit
            elif source.bit == target.bit:
                same[source.flags] = same.get(source.flags, 0) | 1 << target.bit
            else:
                moved[source.flags, source.bit, target.bit] = None
        terms = [str(always)] if always else []
        terms += [f"{name} & {mask}" for name, mask in same.items()]
        terms += [f"({name} >> {one} & 1) << {other}" for name, one, other in moved]
        return f"({' | '.join(terms) or '0'}) & ~lost_{flags}"


class _Refusals:
    """The names of fields that must not be there, by their bits."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names

    def first(self, flags: int) -> str:
        return next(name for bit, name in self._names.items() if flags >> bit & 1)


# ---- where that is not enough


def by_hand(loom: Loom, plan: Plan) -> Convert:
    """A function that goes through the plan field by field."""

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        node = Node(loom, plan.word, d, p, c)
        for each in plan.refused:
            if node.has(each.name):
                raise Untranslatable(plan.name(each))
        for name, neutral in plan.neutral.items():
            if node.raw(name) != neutral:
                raise Untranslatable(f"{plan.word.name}.{name}")
        values = {step.field.name: _value(loom, plan, step, node) for step in plan.steps}
        _agree(loom, plan, values)
        return loom.make.word(plan.other, values), node.end

    return convert


def _value(loom: Loom, plan: Plan, step: Step, node: Node) -> Value:
    source, target = step.source, step.field
    if step.hook is not None:
        return _borne(loom, step, lambda: step.hook and step.hook(node, loom.make))
    if source is None:
        return step.otherwise
    if source.kind == "true":
        there = node.has(source.name)
        return there if target.kind == "true" else TRUE if there else FALSE
    if not node.has(source.name):
        if target.flags is None and step.otherwise is None:
            raise Untranslatable(plan.name(source))
        return step.otherwise
    if target.kind == "true":
        return bool(node.number(source.name))
    if step.convert is None:
        return node.raw(source.name)
    return _borne(loom, step, lambda: node.to(source.name, target.kind))


def _borne(loom: Loom, step: Step, make: Callable[[], Value]) -> Value:
    """What ``make`` gives; nothing where it fails and the field may be left away."""
    if loom.strict or step.field.flags is None:
        return make()
    try:
        return make()
    except Untranslatable:
        return None


def _agree(loom: Loom, plan: Plan, values: dict[str, Value]) -> None:
    """Fields that share a bit are there together, or none of them is."""
    shared: dict[tuple[str, int], list[str]] = {}
    for step in plan.steps:
        if step.field.flags:
            shared.setdefault((step.field.flags, step.field.bit), []).append(step.field.name)
    for names in shared.values():
        there = [name for name in names if values[name] is not None and values[name] is not False]
        if 0 < len(there) < len(names):
            if loom.strict:
                raise Untranslatable(f"{plan.word.name}.{there[0]}")
            for name in names:
                values[name] = None
