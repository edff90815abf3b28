"""HR's page about what a pulse asks: words, switches, and a preview from which nothing can be sent."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from survey import asking, questionnaire
from survey.measure.scale import ITEMS
from survey.models import ItemOff, Rewording, Wave
from survey.questionnaire import DEFAULT, load_questionnaire
from survey.responses import Answer
from survey.settings import languages
from tests.cast import Company
from tests.web.pages import STRANGE, everything, form_in

PAGE = "/hr/pulses/quarterly/questionnaire"


@pytest.fixture
def hanna(company: Company, wave: Wave, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    """Hanna, while a wave is open; she reads English."""
    return sign_in(company.hanna)


def filled(**changed: str) -> dict[str, str]:
    """The page's form as it stands, with these fields changed; "" takes a tick away."""
    file = load_questionnaire(DEFAULT)
    form = {f"{item}-{language}": file.text_of(item, language) or "" for item in ITEMS for language in languages()}
    form |= {f"{item}-asked": "y" for item in ITEMS}
    form |= {name.replace("__", "-"): text for name, text in changed.items()}
    return {name: text for name, text in form.items() if text or not name.endswith("-asked")}


def test_the_page_shows_every_item_in_every_language_and_the_length(hanna: FlaskClient) -> None:
    page = hanna.get(PAGE).text
    for item in load_questionnaire(DEFAULT).items:
        for text in (item.text["es"], item.text["en"]):
            assert f'value="{text}"' in page
    assert "Most people need 21 taps to answer about 3 departments." in page
    assert "A wave is open; it keeps the words it opened with." in page
    assert "from the wave of Tuesday 2 June on" in page.replace(" 2026", "")


def test_sending_the_form_as_it_stands_changes_nothing(hanna: FlaskClient) -> None:
    assert hanna.post(PAGE, data=filled()).status_code == 302
    assert (Rewording.select().count(), ItemOff.select().count()) == (0, 0)


def test_hr_rewords_an_item_and_switches_a_practice_off(hanna: FlaskClient, company: Company) -> None:
    page = hanna.post(PAGE, data=filled(promises__en="Does what it says", openness__asked=""), follow_redirects=True)
    assert "Stored. It holds from the next wave on" in page.text
    assert "Instead of: Keeps its promises" in page.text
    assert 'name="openness-asked" value="y">' in page.text
    assert "Most people need 18 taps" in page.text
    assert asking.switched_off(company.pulse) == {"openness"}


def test_an_open_wave_goes_on_as_it_was_and_the_preview_shows_the_next(hanna: FlaskClient, link) -> None:
    hanna.post(PAGE, data=filled(promises__en="Does what it says", openness__asked=""))
    now, then = hanna.get(f"{link.address}?lang=en").text, hanna.get(f"{PAGE}/preview?lang=en").text
    assert ("Keeps its promises" in now, "Takes criticism well" in now) == (True, True)
    assert ("Does what it says" in then, "Takes criticism well" in then) == (True, False)


def test_a_field_that_is_emptied_gives_the_files_words_back(hanna: FlaskClient) -> None:
    hanna.post(PAGE, data=filled(promises__en="Does what it says"))
    hanna.post(PAGE, data=filled(promises__en=""))
    assert Rewording.select().count() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [("ñ" * 161, "A text has at most 160 characters; this one has 161"), (STRANGE, "Write plain words, without")],
)
def test_a_text_that_is_refused_stays_in_its_field_and_nothing_is_stored(
    hanna: FlaskClient, text: str, said: str
) -> None:
    before = everything()
    answer = hanna.post(PAGE, data=filled(promises__en=text, openness__asked=""))
    assert answer.status_code == 422
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert 'name="openness-asked" value="y">' in answer.text  # still unticked
    assert everything() == before


def test_overall_stays_whatever_is_sent(hanna: FlaskClient, company: Company) -> None:
    hanna.post(PAGE, data={})
    assert asking.next_questionnaire(company.pulse).item_keys == ("overall",)
    assert "Most people need 6 taps" in hanna.get(PAGE).text


def test_words_are_shown_as_words(hanna: FlaskClient) -> None:
    hanna.post(PAGE, data=filled(overall__en='{{ 7*7 }} %(k)s & "quotes"'))
    for address in (PAGE, f"{PAGE}/preview?lang=en"):
        assert "{{ 7*7 }} %(k)s &amp; &#34;quotes&#34;" in hanna.get(address).text


@pytest.mark.parametrize("language", languages())
def test_the_preview_is_the_answer_page_in_each_language_about_nobody(
    hanna: FlaskClient, company: Company, language: str
) -> None:
    before = everything()
    page = hanna.get(f"{PAGE}/preview?lang={language}").text
    assert f'<html lang="{language}">' in page
    for item in load_questionnaire(DEFAULT).items:
        assert item.text[language] in page
    assert not [name for name in company.departments if f">{name}<" in page]
    assert everything() == before


def test_nothing_can_be_sent_from_the_preview(hanna: FlaskClient) -> None:
    frame = hanna.get(PAGE).text.split("<iframe")[1].split(">")[0]
    assert 'sandbox="allow-scripts allow-same-origin"' in frame  # forms are not allowed
    before = everything()
    assert hanna.post(f"{PAGE}/preview", data=form_in(hanna.get(f"{PAGE}/preview").text)).status_code == 405
    assert everything() == before


def test_a_pulse_that_is_not_there_has_no_page(hanna: FlaskClient) -> None:
    for address in ("/hr/pulses/other/questionnaire", "/hr/pulses/other/questionnaire/preview"):
        assert hanna.get(address).status_code == 404
    assert hanna.post("/hr/pulses/other/questionnaire").status_code == 404


def test_a_questionnaire_that_was_altered_is_told_on_the_page_the_overview_and_when_opening(
    hanna: FlaskClient, wave: Wave, company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = (questionnaire.FOLDER / f"{DEFAULT}.toml").read_text(encoding="utf-8")
    (tmp_path / f"{DEFAULT}.toml").write_text(shipped.replace("siempre", "a veces"), encoding="utf-8")
    with monkeypatch.context() as changed:
        changed.setattr(questionnaire, "FOLDER", tmp_path)
        load_questionnaire.cache_clear()
        company.close_wave(wave)
        said = "the scale of &#34;promises&#34; ends in &#34;a veces&#34;; when the wave of Monday 2 March"
        assert said in hanna.get(PAGE).text
        assert said in hanna.get("/hr/").text
        assert said in hanna.post("/hr/pulses/quarterly/open", follow_redirects=True).text
        (tmp_path / f"{DEFAULT}.toml").unlink()
        load_questionnaire.cache_clear()
        for gone in (hanna.get(PAGE), hanna.post(PAGE, data={}), hanna.get(f"{PAGE}/preview")):
            assert (gone.status_code, "There is no questionnaire" in gone.text) == (409, True)
        assert hanna.get("/hr/matrix").status_code == hanna.get("/hr/pulses").status_code == 200
    load_questionnaire.cache_clear()


@pytest.mark.parametrize("off", [["openness"], [item for item in ITEMS if item != "overall"]])
def test_results_of_a_wave_that_asked_less_are_shown_everywhere(
    company: Company, sign_in: Callable[..., FlaskClient], off: list[str]
) -> None:
    company.released_wave()
    asking.switch(company.pulse, off=off)
    asked = asking.next_questionnaire(company.pulse).item_keys
    wave = company.open_wave()
    company.answer(wave, lambda provider: fours(provider, asked))
    company.close_wave(wave)
    hanna, alice = sign_in(company.hanna), sign_in(company.alice)
    for path in ("", "matrix?item=openness", "gap?item=openness", "departments/finance", "matrix?over=2&item=openness"):
        assert hanna.get(f"/hr/{path}").status_code == 200, path
    for form in ("csv", "xlsx", "json"):
        assert hanna.get(f"/hr/results.{form}").status_code == 200
    assert "openness" not in hanna.get("/hr/results.csv").text
    assert alice.get("/lead/").status_code == 200


def fours(provider: int, items: tuple[str, ...]) -> Answer:
    return Answer(provider, dict.fromkeys(items, 4))
