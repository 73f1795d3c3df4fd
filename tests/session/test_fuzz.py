"""A short run of `session.fuzzing` over every format. ``TELEKEEP_FUZZ=N``: of how many inputs."""

from __future__ import annotations

import os
import random

import pytest

from session.fuzzing import inputs, tried
from telekeep.session import formats

COUNT = int(os.environ.get("TELEKEEP_FUZZ", "400"))


@pytest.mark.timeout(36_000 if COUNT > 10_000 else 600)
@pytest.mark.parametrize("name", formats.FORMATS)
def test_any_mutation_is_read_or_refused_with_a_typed_error(name: str) -> None:
    read = 0
    for source in inputs(name, COUNT, random.randrange(1 << 30)):
        try:
            read += tried(name, source)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}: {source.hex()}") from error
    assert read < COUNT, "nothing was refused"
