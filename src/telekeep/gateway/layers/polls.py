"""Polls that are sent. Since layer 224 answers have no names of the sender's choice: they are counted from 0."""

from __future__ import annotations

from telekeep.gateway.layers.errors import Untranslatable
from telekeep.gateway.layers.node import Convert, Loom, Node
from telekeep.gateway.layers.reading import Bounds, packed
from telekeep.gateway.layers.table import Word


def poll(loom: Loom, word: Word, other: str) -> Convert | None:
    """A function for inputMediaPoll or one of its parts; None where both layers mean the same by it."""
    counted, wants_counted = ("inputPollAnswer" in schema.types for schema in (loom.source, loom.target))
    if not loom.strict or counted == wants_counted:
        return None
    made = {
        "inputMediaPoll": _media_counted if wants_counted else _media_named,
        "pollAnswer": _answer_counted if wants_counted else None,
        "poll": None if wants_counted else _poll_named,
    }[word.name]
    if made is None:
        return None

    def convert(d: bytes, p: int, c: Bounds) -> tuple[bytes, int]:
        node = Node(loom, word, d, p, c)
        return made(loom, node), node.end

    return convert


def _answer_counted(loom: Loom, node: Node) -> bytes:
    return loom.make.carried("inputPollAnswer", node, option=None)


def _media_counted(loom: Loom, node: Node) -> bytes:
    sent = node.child("poll")
    assert sent is not None
    options = [answer.data("option") for answer in sent.children("answers")]
    correct = None
    if node.has("correct_answers"):
        right = _strings(loom, node.raw("correct_answers"))
        if not all(each in options for each in right):
            raise Untranslatable("inputMediaPoll.correct_answers")
        correct = [options.index(each).to_bytes(4, "little") for each in right]
    return loom.make.carried("inputMediaPoll", node, correct_answers=correct)


def _strings(loom: Loom, vector: bytes) -> list[bytes]:
    found, p = [], 8
    over = loom.reader.kind("bytes")
    while p < len(vector):
        begin, p = p, over(vector, p, Bounds(0))
        raw = vector[begin:p]
        found.append(raw[1 : 1 + raw[0]] if raw[0] < 254 else raw[4 : 4 + int.from_bytes(raw[1:4], "little")])
    return found


def _option(index: int) -> bytes:
    return packed(str(index).encode())


def _media_named(loom: Loom, node: Node) -> bytes:
    correct = None
    if node.has("correct_answers"):
        raw = node.raw("correct_answers")[8:]
        numbers = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
        correct = [_option(number) for number in numbers]
    return loom.make.carried("inputMediaPoll", node, correct_answers=correct)


def _poll_named(loom: Loom, node: Node) -> bytes:
    answers = []
    for index, answer in enumerate(node.children("answers")):
        if answer.word.name != "inputPollAnswer":
            raise Untranslatable(answer.word.name)
        answers.append(loom.make.carried("pollAnswer", answer, option=_option(index)))
    return loom.make.carried("poll", node, answers=answers, hash=None)
