"""TELEKEEP_ALARM_COMMAND: words, and no shell."""

from __future__ import annotations

import pytest

from telekeep import settings
from telekeep.errors import ConfigError


def test_it_is_split_into_words_and_nothing_in_it_is_expanded() -> None:
    found = settings.read({"TELEKEEP_ALARM_COMMAND": "/bin/notify --to 'the ops' $HOME;ls"}, None, None)
    assert found.alarm_command == ("/bin/notify", "--to", "the ops", "$HOME;ls")
    assert settings.read({}, None, None).alarm_command == ()


def test_a_quotation_mark_that_is_not_closed_is_an_error_in_words() -> None:
    with pytest.raises(ConfigError, match=r"TELEKEEP_ALARM_COMMAND.*not closed"):
        settings.read({"TELEKEEP_ALARM_COMMAND": "notify 'ops"}, None, None)
