"""What a pulse asks: HR's words and switches, frozen at the opening, and the guard over keys and scale."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from survey import asking, outbox, questionnaire, releases, summaries, waves
from survey.asking import AskingError, next_questionnaire, questionnaire_of
from survey.measure.scale import ITEMS, OVERALL
from survey.models import ItemOff, Message, Pulse, Rewording, Wave
from survey.pulses import add_pulse
from survey.questionnaire import DEFAULT, QuestionnaireError, load_questionnaire
from survey.responses import Answer
from tests.cast import DAY, Company, K
from tests.web.pages import mixed

SHIPPED = (questionnaire.FOLDER / f"{DEFAULT}.toml").read_text(encoding="utf-8")
PROMISES = ("promises", "en")


@pytest.fixture
def rewrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Write the questionnaire that ships anew, with one text in place of another."""

    def write(old: str, new: str) -> None:
        assert old in SHIPPED
        (tmp_path / f"{DEFAULT}.toml").write_text(SHIPPED.replace(old, new), encoding="utf-8")
        load_questionnaire.cache_clear()

    monkeypatch.setattr(questionnaire, "FOLDER", tmp_path)
    write("", "")
    yield write
    load_questionnaire.cache_clear()


# --- HR's words and switches ---------------------------------------------------------------------------------------


def test_a_pulse_asks_its_questionnaire_as_it_is(company: Company) -> None:
    assert next_questionnaire(company.pulse) == load_questionnaire(DEFAULT)


def test_hr_words_an_item_in_one_language_and_the_file_words_the_others(company: Company) -> None:
    asking.change(company.pulse, {PROMISES: "  Does what\nit says "}, ())
    item = next_questionnaire(company.pulse).items[0]
    assert (item.text["en"], item.text["es"]) == ("Does what it says", "Cumple lo que promete")


@pytest.mark.parametrize("text", ["", "  ", "Keeps its promises"])
def test_an_empty_text_and_the_files_own_give_the_files_words_back(company: Company, text: str) -> None:
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ())
    asking.change(company.pulse, {PROMISES: text}, ())
    assert Rewording.select().count() == 0
    assert next_questionnaire(company.pulse).items[0].text["en"] == "Keeps its promises"


def test_a_practice_that_is_switched_off_is_not_asked_and_keeps_its_place(company: Company) -> None:
    asking.switch(company.pulse, off=["openness"])
    found = next_questionnaire(company.pulse)
    assert "openness" not in found.item_keys
    assert tuple(item.key for item in found.every_item) == ITEMS
    asking.switch(company.pulse, on=["openness"])
    assert next_questionnaire(company.pulse).item_keys == ITEMS


def test_switching_keeps_the_words(company: Company) -> None:
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ())
    asking.switch(company.pulse, off=["openness"])
    assert asking.rewordings(company.pulse) == {PROMISES: "Does what it says"}


def test_one_pulses_words_are_not_anothers(company: Company) -> None:
    other = add_pulse("other", "weekly", date(2026, 3, 4), "Europe/Madrid")
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ["openness"])
    assert next_questionnaire(other) == load_questionnaire(DEFAULT)


@pytest.mark.parametrize(
    ("texts", "off", "said"),
    [
        ({}, ["overall"], '"overall" is always asked'),
        ({}, ["speed"], 'This questionnaire has no "speed"; it has promises, diligence'),
        ({("speed", "en"): "Is quick"}, [], 'This questionnaire has no "speed"'),
        ({PROMISES: "ñ" * 161}, [], "A text has at most 160 characters; this one has 161: ñññ"),
        ({PROMISES: "<b>Keeps</b>"}, [], "Write plain words, without < and >: <b>Keeps</b>"),
    ],
)
def test_what_cannot_be_changed_so_is_refused_and_nothing_is_stored(
    company: Company, texts: asking.Texts, off: list[str], said: str
) -> None:
    with pytest.raises(AskingError) as refused:
        asking.change(company.pulse, texts, off)
    assert str(refused.value).startswith(said)
    assert (Rewording.select().count(), ItemOff.select().count()) == (0, 0)


def test_a_text_of_160_characters_is_taken_and_signs_that_cannot_be_seen_are_not(company: Company) -> None:
    asking.change(company.pulse, {PROMISES: "ñ" * 160, ("promises", "es"): "Cum\u202eple\x00\x1b[31m"}, ())
    assert asking.rewordings(company.pulse) == {PROMISES: "ñ" * 160, ("promises", "es"): "Cum ple [31m"}


def test_taps_count_three_providers(company: Company) -> None:
    assert asking.taps_of(next_questionnaire(company.pulse)) == 21
    asking.switch(company.pulse, off=["openness"])
    assert asking.taps_of(next_questionnaire(company.pulse)) == 18


@pytest.mark.parametrize(("providers", "long"), [(3, {}), (4, {"quarterly": 28})])
def test_a_pulse_that_takes_too_many_taps_is_named(
    company: Company, monkeypatch: pytest.MonkeyPatch, providers: int, long: dict[str, int]
) -> None:
    monkeypatch.setattr(asking, "PROVIDERS_PER_PERSON", providers)
    assert asking.too_long() == long


# --- Frozen in a wave ----------------------------------------------------------------------------------------------


def test_a_wave_keeps_what_it_opened_with(company: Company) -> None:
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ["openness"])
    wave = company.open_wave()
    asking.change(company.pulse, {PROMISES: "Something else"}, ())
    asked = questionnaire_of(Wave.get_by_id(wave.id))
    assert asked.text_of(*PROMISES) == "Does what it says"
    assert "openness" not in asked.item_keys
    assert next_questionnaire(company.pulse).text_of(*PROMISES) == "Something else"


def test_the_next_wave_asks_what_hr_has_changed_meanwhile(company: Company) -> None:
    first = company.released_wave()
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ())
    second = company.released_wave()
    texts = [questionnaire_of(Wave.get_by_id(wave.id)).text_of(*PROMISES) for wave in (first, second)]
    assert texts == ["Keeps its promises", "Does what it says"]


def test_a_wave_from_before_words_were_kept_asks_the_file(company: Company) -> None:
    wave = company.open_wave()
    Wave.update(questionnaire="").execute()
    asking.change(company.pulse, {PROMISES: "Does what it says"}, ())
    assert questionnaire_of(Wave.get_by_id(wave.id)) == load_questionnaire(DEFAULT)


def test_a_wave_keeps_its_words_when_the_file_is_gone(company: Company, rewrite: Callable[..., None]) -> None:
    wave = company.open_wave()
    (questionnaire.FOLDER / f"{DEFAULT}.toml").unlink()
    load_questionnaire.cache_clear()
    assert questionnaire_of(Wave.get_by_id(wave.id)).text_of(*PROMISES) == "Keeps its promises"


# --- An item that a wave did not ask -------------------------------------------------------------------------------


def test_an_item_that_is_not_asked_has_no_figures_and_no_change(company: Company) -> None:
    company.released_wave(mixed)
    asking.switch(company.pulse, off=["openness"])
    wave = company.open_wave()
    company.answer(wave, without_openness)
    company.close_wave(wave)
    results = [found for found in releases.provider_results(Wave.get_by_id(wave.id)) if found.figures]
    assert results
    for found in results:
        assert "openness" not in found.figures
        assert "openness" not in found.changes
        assert OVERALL in found.changes
    line_items = [line.item for line in summaries.lead_summary(wave, [results[0].department]).departments[0].lines]
    assert line_items == ["overall", "promises", "diligence", "flexibility", "improvement"]
    assert releases.altered() == []


def test_an_item_that_is_asked_again_is_compared_with_no_wave_that_left_it_out(company: Company) -> None:
    asking.switch(company.pulse, off=["openness"])
    first = company.open_wave()
    company.answer(first, without_openness)
    company.close_wave(first)
    asking.switch(company.pulse, on=["openness"])
    second = company.released_wave(mixed)
    for found in releases.provider_results(second):
        assert "openness" not in found.changes
        assert not found.figures or "openness" in found.figures


def without_openness(provider: int) -> Answer:
    scores = mixed(provider).scores
    return Answer(provider, {item: score for item, score in scores.items() if item != "openness"})


# --- Keys and scale stay as they are -------------------------------------------------------------------------------

REFUSALS = [
    ('[[items]]\nkey = "openness"', '[[items_of_old]]\nkey = "openness"', "has the items promises, diligence, flex"),
    ('high = { es = "siempre", en = "always" }', 'high = { es = "siempre", en = "often" }', 'ends in "often"'),
    (
        'low = { es = "muy mal", en = "very badly" }\nhigh = { es = "muy bien", en = "very well" }',
        'low = { es = "muy bien", en = "very well" }\nhigh = { es = "muy mal", en = "very badly" }',
        'the scale of "overall" ends in',
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), REFUSALS)
def test_no_wave_opens_with_other_keys_or_another_scale(
    company: Company, rewrite: Callable[..., None], old: str, new: str, said: str
) -> None:
    wave = company.released_wave()
    rewrite(old, new)
    with pytest.raises(QuestionnaireError) as refused:
        waves.open_now(company.pulse, wave.closes_at + DAY, K)
    assert said in str(refused.value)
    assert "when the wave of 2026-03-02 used it" in str(refused.value)
    assert "in a new file for a new pulse" in str(refused.value)
    assert [str(fault) for fault in asking.faults()] == [str(refused.value)]
    assert not Wave.select().where(Wave.state == "open").exists()


@pytest.mark.parametrize(
    ("old", "new"), [("Keeps its promises", "Does what it says"), ("How do our departments", "How well do departments")]
)
def test_other_words_are_no_other_questions(company: Company, rewrite: Callable[..., None], old: str, new: str) -> None:
    company.released_wave()
    rewrite(old, new)
    assert asking.faults() == []
    assert questionnaire_of(company.open_wave()).text_of(*PROMISES) == load_questionnaire(DEFAULT).text_of(*PROMISES)


@pytest.mark.parametrize(("old", "new", "_said"), REFUSALS)
def test_a_questionnaire_that_no_wave_has_used_may_be_anything(
    company: Company, rewrite: Callable[..., None], old: str, new: str, _said: str
) -> None:
    rewrite(old, new)
    waves.cancel_wave(company.open_wave(), 0)  # of a cancelled wave nothing is published
    assert asking.faults() == []


def test_what_another_pulse_has_used_counts_as_well_and_what_hr_left_out_too(
    company: Company, rewrite: Callable[..., None]
) -> None:
    asking.switch(company.pulse, off=["openness"])
    company.released_wave(without_openness)
    rewrite(*REFUSALS[0][:2])
    with pytest.raises(QuestionnaireError, match="has the items promises"):
        add_pulse("other", "weekly", date(2026, 9, 2), "Europe/Madrid")
    assert Pulse.select().count() == 1


def test_a_refused_wave_tells_hr_once_and_keeps_no_other_pulse_from_opening(
    company: Company, rewrite: Callable[..., None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    company.released_wave()
    rewrite("", "")
    (tmp_path / "ours.toml").write_text(SHIPPED, encoding="utf-8")
    due = Wave.get(Wave.pulse == company.pulse, Wave.state == "planned")
    other = add_pulse("other", "quarterly", due.local_date, "Europe/Madrid", "ours")
    rewrite(*REFUSALS[1][:2])
    for seconds in (0, 15, 30):
        waves.open_due(due.opens_at + seconds, K)
    assert [wave.pulse.key for wave in Wave.select().where(Wave.state == "open")] == [other.key]
    told = Message.select().where(Message.kind == outbox.UNOPENED)
    assert sorted(message.person.email for message in told) == ["adam@mirror.example", "hanna@mirror.example"]
    assert caplog.text.count(f"Wave {due.id} is not opened") == 1
    assert "Traceback" not in caplog.text


def test_a_refused_wave_opens_as_soon_as_the_file_is_mended_and_the_mail_is_dropped(
    company: Company, rewrite: Callable[..., None]
) -> None:
    company.released_wave()
    rewrite(*REFUSALS[1][:2])
    due = Wave.get(Wave.pulse == company.pulse, Wave.state == "planned")
    assert waves.open_due(due.opens_at, K) == []
    rewrite("", "")
    assert [wave.id for wave in waves.open_due(due.opens_at + 3600, K)] == [due.id]
    message = Message.get(Message.kind == outbox.UNOPENED)
    assert outbox.why_not_sent(message, due.opens_at + 3600) == outbox.MENDED


def test_a_refused_wave_is_skipped_after_a_day_and_told_as_every_other(
    company: Company, rewrite: Callable[..., None]
) -> None:
    company.released_wave()
    rewrite(*REFUSALS[1][:2])
    due = Wave.get(Wave.pulse == company.pulse, Wave.state == "planned")
    waves.open_due(due.opens_at, K)
    waves.open_due(due.opens_at + DAY + 1, K)
    assert Wave.get_by_id(due.id).cancel_reason == waves.MISSED
    assert Message.select().where(Message.kind == outbox.MISSED, Message.wave == due).exists()


def test_a_language_without_words_keeps_a_wave_from_opening(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "languages", lambda: {"es": "español", "fr": "français"})
    with pytest.raises(QuestionnaireError, match='no words in the language "fr", which Espejo offers'):
        asking.freeze(company.pulse)
