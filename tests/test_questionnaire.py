"""Questionnaires: every text in every language, or a fault that names what is missing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from survey import questionnaire
from survey.measure.scale import ITEMS
from survey.questionnaire import (
    DEFAULT,
    QuestionnaireError,
    Words,
    frozen,
    load_questionnaire,
    questionnaires,
    taps,
    thawed,
)

TITLE = 'title = { es = "Título", en = "Title" }\n'
ITEM = """
[[items]]
key = "overall"
text = { es = "a", en = "b" }
low = { es = "c", en = "d" }
high = { es = "e", en = "f" }
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Write the questionnaire "ours"."""
    monkeypatch.setattr(questionnaire, "FOLDER", tmp_path)
    load_questionnaire.cache_clear()
    yield lambda text: (tmp_path / "ours.toml").write_text(text, encoding="utf-8") and None
    load_questionnaire.cache_clear()


def test_the_questionnaire_that_ships_asks_the_five_practices_and_overall() -> None:
    assert load_questionnaire(DEFAULT).item_keys == ITEMS


def test_every_text_is_there_in_spanish_and_in_english() -> None:
    shipped = load_questionnaire(DEFAULT)
    texts = [shipped.title, *(text for item in shipped.items for text in (item.text, item.low, item.high))]
    assert all(text["es"] and text["en"] and text["es"] != text["en"] for text in texts)


def test_the_words_are_those_of_the_company() -> None:
    promises = load_questionnaire(DEFAULT).items[0]
    assert (promises.text["es"], promises.low["en"], promises.high["es"]) == (
        "Cumple lo que promete",
        "never",
        "siempre",
    )


@pytest.mark.parametrize("key", ["long", "../models", "", "five-practices.toml"])
def test_a_questionnaire_that_is_missing_is_named_with_those_there_are(key: str) -> None:
    with pytest.raises(QuestionnaireError) as refused:
        load_questionnaire(key)
    assert str(refused.value) == f'There is no questionnaire "{key}"; there is five-practices.'


def test_a_questionnaire_of_ones_own_is_read(write: Callable[[str], None]) -> None:
    write(TITLE + ITEM)
    assert load_questionnaire("ours").item_keys == ("overall",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TITLE, "ours: there must be items, each with a key of its own."),
        (TITLE + ITEM + ITEM, "ours: there must be items, each with a key of its own."),
        (TITLE + ITEM.replace('en = "d"', 'fr = "d"'), 'ours: "low" of "overall" has no text in en.'),
        (TITLE + ITEM.replace('es = "a"', 'es = ""'), 'ours: "text" of "overall" has no text in es.'),
        (ITEM, 'ours: "title" of "ours" has no text in en.'),
        (TITLE + ITEM.replace("overall", "promises"), 'ours: "overall" must be among the items.'),
        (
            TITLE + ITEM + ITEM.replace("overall", "speed"),
            'ours: "speed" is no item; there are promises, diligence, flexibility, openness, improvement, overall.',
        ),
        ("title = {", "ours.toml cannot be read: Invalid"),
    ],
)
def test_what_a_questionnaire_lacks_is_named(write: Callable[[str], None], text: str, said: str) -> None:
    write(text)
    with pytest.raises(QuestionnaireError) as refused:
        load_questionnaire("ours")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(("items", "providers", "expected"), [(6, 3, 21), (5, 3, 18), (1, 3, 6), (6, 1, 7)])
def test_taps_are_answers_moves_and_the_sending(items: int, providers: int, expected: int) -> None:
    assert taps(items, providers) == expected


def test_what_is_frozen_is_the_same_when_it_is_thawed() -> None:
    found = load_questionnaire(DEFAULT).without(["openness"])
    assert thawed(frozen(found)) == found


def test_a_text_that_lacks_a_language_is_shown_in_english_else_in_any() -> None:
    assert Words((("es", "Hola"), ("en", "Hello")))["pt-BR"] == "Hello"
    assert Words((("es", "Hola"),))["pt-BR"] == "Hola"


def test_the_questionnaires_that_may_be_chosen_are_the_files_there_are(write: Callable[[str], None]) -> None:
    write(TITLE + ITEM)
    assert questionnaires() == ["ours"]
