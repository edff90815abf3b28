"""The excuse gap of a department: to HR all its leads together, to a lead what they said themselves."""

import pytest

from survey.hindrances import Excuse, Named, excuses, own_excuses
from survey.measure.excuses import CULTURE, NOTHING, PEOPLE, RESOURCES, Verdict
from survey.measure.scale import OVERALL
from survey.mirrors import keep_lead_view
from survey.models import Department, Hindrance, Leadership, Person, Wave
from survey.outbox import SUMMARY
from survey.responses import Answer
from survey.shortfalls import shortfall
from survey.waves import cancel_wave
from tests.cast import Company
from tests.mails import Post, _today, html_of, post, text_of

__all__ = ["_today", "post"]  # fixtures


@pytest.fixture
def finance(company: Company) -> Department:
    company.ask_only_about("Finance")
    return company.departments["Finance"]


def wave_of(company: Company, missing: str | None = "attitude", people: int = 12, **said: set[str]) -> Wave:
    """A closed wave: `people` of Logistics give Finance a 1 and say what is missing; leads say what hinders."""
    wave = company.open_wave()
    say(company, wave, **said)
    company.rate(wave, "Logistics", people, lambda provider: Answer(provider, {OVERALL: 1}, missing))
    return company.close_wave(wave)


def say(company: Company, wave: Wave, **said: set[str]) -> None:
    for name, reasons in said.items():
        keep_lead_view(getattr(company, name), wave, company.departments["Finance"], {}, reasons)


def told(company: Company, wave: Wave) -> Excuse | None:
    """What HR reads about Finance."""
    finance = company.departments["Finance"].id
    return excuses(wave, [finance]).get(finance)


def test_the_leads_reason_stands_beside_what_clients_miss(company: Company, finance: Department) -> None:
    wave = wave_of(company, alice={RESOURCES})
    assert told(company, wave) == Excuse(
        shortfall(wave, finance), (Named(RESOURCES, leads=1, waves=1),), 1, Verdict.EXCUSE
    )


@pytest.mark.parametrize(("people", "verdict"), [(9, Verdict.TOO_FEW), (10, Verdict.EXCUSE)])
def test_nine_clients_are_too_few_to_tell(company: Company, finance: Department, people: int, verdict: Verdict) -> None:
    found = told(company, wave_of(company, people=people, alice={RESOURCES}))
    assert found is not None
    assert (found.verdict, found.missing is None) == (verdict, verdict is Verdict.TOO_FEW)


def test_what_clients_miss_is_told_where_no_lead_has_spoken(company: Company, finance: Department) -> None:
    found = told(company, wave_of(company))
    assert found is not None
    assert (found.named, found.leads, found.verdict) == ((), 0, Verdict.UNSAID)


def test_where_neither_side_says_anything_there_is_nothing(company: Company, finance: Department) -> None:
    assert told(company, wave_of(company, missing=None)) is None


def test_several_leads_are_counted_and_not_named(company: Company, finance: Department) -> None:
    Leadership.create(person=company.bob, department=finance)
    wave = wave_of(company, alice={RESOURCES, PEOPLE}, bob={PEOPLE})
    found = told(company, wave)
    assert found is not None
    assert found.leads == 2
    assert [(named.reason, named.leads) for named in found.named] == [(RESOURCES, 1), (PEOPLE, 2)]
    assert "alice" not in repr(found).lower()


def test_a_lead_reads_what_they_said_and_not_what_another_one_did(company: Company, finance: Department) -> None:
    Leadership.create(person=company.bob, department=finance)
    wave = wave_of(company, alice={RESOURCES}, bob={CULTURE})
    own = {
        name: own_excuses(getattr(company, name), wave, [finance.id])[finance.id] for name in ("alice", "bob", "hanna")
    }
    assert {name: [named.reason for named in found.named] for name, found in own.items()} == {
        "alice": [RESOURCES],
        "bob": [CULTURE],
        "hanna": [],
    }
    assert own["alice"].verdict is Verdict.EXCUSE
    assert own["bob"].verdict is Verdict.AGREED
    everybody = told(company, wave)
    assert everybody is not None
    assert everybody.verdict is Verdict.AGREED


def test_the_third_wave_in_a_row_is_counted(company: Company, finance: Department) -> None:
    waves = [wave_of(company, alice=said) for said in ({CULTURE}, {RESOURCES}, {RESOURCES, PEOPLE}, {RESOURCES})]
    found = [told(company, wave) for wave in waves]
    assert [{named.reason: named.waves for named in each.named} for each in found if each] == [
        {CULTURE: 1},
        {RESOURCES: 1},
        {RESOURCES: 2, PEOPLE: 1},
        {RESOURCES: 3},
    ]


def test_a_wave_that_was_called_off_ends_no_row(company: Company, finance: Department) -> None:
    wave_of(company, alice={NOTHING})
    called_off = company.open_wave()
    say(company, called_off, alice={RESOURCES})
    cancel_wave(called_off, called_off.opens_at + 60)
    assert not Hindrance.select().where(Hindrance.wave == called_off).exists()
    found = told(company, wave_of(company, alice={NOTHING}))
    assert found is not None
    assert found.named == (Named(NOTHING, leads=1, waves=2),)


def test_a_department_that_was_not_asked_for_is_not_told(company: Company, finance: Department) -> None:
    wave = wave_of(company, alice={RESOURCES})
    assert excuses(wave, [company.departments["IT"].id]) == {}
    assert excuses(wave, []) == {}


@pytest.mark.parametrize(
    ("missing", "told"),
    [("attitude", "Your clients miss attitude more often than means. You said means: limited resources."), (None, "")],
)
def test_the_summary_mail_says_so_in_one_line_where_there_is_something_to_say(
    company: Company, finance: Department, post: Post, missing: str | None, told: str
) -> None:
    wave_of(company, missing, alice={RESOURCES})
    Person.update(language="en").where(Person.id == company.alice.id).execute()
    mail = post.mail(SUMMARY, company.alice)
    assert [line for line in text_of(mail).splitlines() if "limited resources" in line] == [told] * bool(told)
    assert ("limited resources" in html_of(mail)) is bool(told)


def test_no_other_lead_is_mailed_a_reason(company: Company, finance: Department, post: Post) -> None:
    Leadership.create(person=company.bob, department=finance)
    wave_of(company, alice={RESOURCES})
    assert "limited resources" not in text_of(post.mail(SUMMARY, company.bob))
