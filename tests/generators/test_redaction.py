"""A key is taken out of words from outside: whole, cut off, or quoted by a bug."""

import pytest

from generators import errors
from generators.redaction import without

KEY = "sk-live-0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        ("nothing of the kind", "nothing of the kind"),
        (f"a {KEY} and {KEY}", "a [key] and [key]"),
        (f"cut off: {KEY[:9]}", "cut off: [key]"),
        (f"cut off: {KEY[:-1]}", "cut off: [key]"),
        (f"b'quoted {KEY[:9]}'", "b'quoted [key]'"),
        ("desk-", "desk-"),
        (f"{KEY} {KEY[:8]}", "[key] [key]"),
    ],
)
def test_when_a_text_holds_the_key_then_it_is_taken_out(text, rest):
    assert without(text, KEY) == rest


def test_when_there_is_no_key_then_nothing_is_taken_out():
    assert without("sk-live", "") == "sk-live"


def test_when_an_error_repeats_the_key_then_none_of_its_words_do():
    with pytest.raises(errors.RateLimited) as caught, errors.hiding(KEY):
        raise errors.RateLimited(f"user {KEY}", retry_after=3, detail=f"detail {KEY}")
    error = caught.value
    assert (error.user_message, error.detail) == ("user [key]", "detail [key]")
    assert error.retry_after == 3
    assert KEY not in repr(error) + str(error)


def test_when_a_bug_quotes_the_key_then_its_kind_is_left():
    with pytest.raises(errors.UnexpectedResponse) as caught, errors.hiding(KEY):
        int(f"{KEY}")
    assert caught.value.detail == "ValueError in what is kept secret"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_when_a_bug_quotes_no_key_then_it_stays_what_it_is():
    with pytest.raises(KeyError, match="x"), errors.hiding(KEY):
        raise KeyError("x")
