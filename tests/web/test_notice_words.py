"""Claimed against confirmed, in words: numbers only where there are enough answers."""

import pytest

from survey.confirmations import Confirmation, Stage
from survey.measure.noticing import hearing
from survey.web.notice_words import claim


def said(app, language: str, found: Confirmation) -> str:
    with app.test_request_context("/", query_string={"lang": language}):
        return claim(found)


def heard(noticed: int, not_yet: int) -> Confirmation:
    found = hearing(noticed, not_yet, 5)
    assert found
    return Confirmation(Stage.CONFIRMED if found.confirms else Stage.NOT_CONFIRMED, None, found)


@pytest.mark.parametrize(
    ("noticed", "not_yet", "words"),
    [
        (5, 1, "Confirmed: of 5 to 9 clients who could say, most noticed it."),
        (4, 3, "Not confirmed: the 5 to 9 clients who could say are divided."),
        (1, 5, "Not confirmed: of 5 to 9 clients who could say, most did not."),
        (8, 2, "Confirmed: of 10 to 19 clients who could say, 80% noticed it (49% to 94%)."),
        (5, 5, "Not confirmed: of 10 to 19 clients who could say, 50% noticed it (24% to 76%)."),
    ],
)
def test_what_clients_said_is_one_sentence(app, noticed, not_yet, words):
    assert said(app, "en", heard(noticed, not_yet)) == words


def test_it_is_said_in_the_readers_language(app):
    assert said(app, "es", heard(8, 2)).startswith("Confirmado: de 10 a 19 clientes que supieron decirlo")


@pytest.mark.parametrize("stage", [stage for stage in Stage if "onfirmed" not in stage])
def test_every_other_stage_has_words_of_its_own_without_a_number(app, stage):
    words = {said(app, language, Confirmation(stage)) for language in ("en", "es")}
    assert len(words) == 2
    assert not any(sign.isdigit() for text in words for sign in text)
