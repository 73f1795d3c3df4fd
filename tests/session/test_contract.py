"""Every format keeps the contract that ships with telekeep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session.samples import fixture, fixture_session, sessions
from telekeep.errors import TelekeepError
from telekeep.session import formats
from telekeep.testing.contracts.formats import check_format, check_hostile, check_round_trip

SAMPLE = fixture_session("telethon-1.45")
every_format = pytest.mark.parametrize("format", formats.FORMATS.values(), ids=formats.FORMATS)


@every_format
def test_a_format_keeps_its_contract(format):
    check_format(format, SAMPLE)


@every_format
@given(session=sessions)
def test_what_is_written_is_read_back_but_for_the_stated_losses(format, session):
    check_round_trip(format, session)


@every_format
@given(source=st.binary(max_size=600) | st.text(max_size=600).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_refused_with_a_typed_error(format, source):
    check_hostile(format, source, SAMPLE)


@every_format
@given(place=st.integers(0, 1 << 20), patch=st.binary(min_size=1, max_size=24), cut=st.booleans())
def test_a_patched_source_is_read_or_refused_in_silence(format, place, patch, cut):
    source = format.write(SAMPLE)
    place %= len(source)
    check_hostile(format, source[:place] + patch + (b"" if cut else source[place + len(patch) :]), SAMPLE)


@given(source=st.binary(max_size=600))
def test_reading_whatever_raises_errors_of_telekeep_only(source):
    for act in (formats.recognise, formats.read, formats.check):
        try:
            act(source)
        except TelekeepError:
            pass


@given(tail=st.binary(max_size=200))
def test_a_database_that_ends_anywhere_raises_errors_of_telekeep_only(tail):
    for length in (16, 100, 4096, 5000):
        try:
            formats.read(fixture("telethon-1.45.session")[:length] + tail)
        except TelekeepError:
            pass
