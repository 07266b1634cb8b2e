from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.feeds.hints import NO_HINTS, hints_of, text_of
from connectors.formats.feed_read import FeedHints

perhaps = st.one_of(st.none(), st.timedeltas(timedelta(minutes=5), timedelta(days=1)))


@given(st.builds(FeedHints, perhaps, perhaps, st.frozensets(st.integers(0, 23)), st.frozensets(st.integers(0, 6))))
def test_hints_are_read_back_as_they_were(hints: FeedHints) -> None:
    assert hints_of(text_of(hints)) == hints


def test_no_hints_take_no_room() -> None:
    assert text_of(NO_HINTS) == ""
    assert hints_of("") == NO_HINTS
