"""Entries of a TOML file: there and of the right kind, or named."""

import pytest

from survey.entries import Entries, MappingError

TABLE = Entries("a.toml", {"name": "x", "flag": 1, "list": ["a", 2], "deep": {"day": "2026-01-32"}, "true": True})


def test_what_is_there_is_given_back() -> None:
    assert TABLE.text("name") == "x"
    assert TABLE.texts("list") == ("a", "2")
    assert TABLE.texts("none") == ()
    assert TABLE.text("none", default="") == ""


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: TABLE.text("none"), 'a.toml, entry "none": found nothing; expected a text'),
        (lambda: TABLE.flag("flag"), 'a.toml, entry "flag": found 1; expected true or false.'),
        (lambda: TABLE.number("true"), 'a.toml, entry "true": found True; expected a number.'),
        (lambda: TABLE.texts("true"), 'a.toml, entry "true": found True; expected a list'),
        (lambda: TABLE.table("name"), 'a.toml, entry "name": found "x"; expected a table'),
        (lambda: TABLE.table("deep").day("day"), 'a.toml, [deep], entry "day": found "2026-01-32"; expected a date'),
        (lambda: TABLE.refuse_others("name"), 'a.toml, entry "flag": is unknown; expected one of name.'),
    ],
)
def test_what_is_not_there_or_of_another_kind_is_named(ask, message) -> None:
    with pytest.raises(MappingError) as error:
        ask()
    assert str(error.value).startswith(message)
