"""Fields of forms: what they take, and what they say of the rest."""

import pytest
from werkzeug.datastructures import MultiDict
from wtforms import Form

from survey.web.fields import ChoiceField, NameField, OneOfField, one_line


class Both(Form):
    name = NameField()
    choice = ChoiceField()
    one = OneOfField()


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"name": " A\r\nB ", "choice": "a", "one": "a"}, {}),
        ({"name": "x" * 200, "choice": "a", "one": "a"}, {}),
        ({"name": "x" * 201, "choice": "a", "one": "a"}, {"name": ["A name has at most 200 characters."]}),
        ({"name": "\t", "choice": "a", "one": "a"}, {"name": ["Write a name."]}),
        ({"name": "A", "choice": "b", "one": "a"}, {"choice": ["Choose something from the list."]}),
        ({"name": "A", "choice": "a", "one": "b"}, {"one": ["Choose something from the list."]}),
    ],
)
def test_what_is_wrong_is_said_in_our_own_words(app, given, wrong):
    with app.test_request_context("/?lang=en"):
        form = Both(MultiDict(given))
        form.choice.choices = form.one.choices = [("a", "A")]
        form.validate()
        assert form.errors == wrong


def test_a_line_break_never_gets_into_a_name():
    assert one_line(" A\r\nBcc: x ") == "A Bcc: x"
    assert one_line(None) == ""


def test_nul_never_gets_into_a_name():
    assert one_line("A\0B") == "AB"
