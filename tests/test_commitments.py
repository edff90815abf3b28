"""Commitments: only from a release, only to clients that it names, ended once, and late by themselves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from peewee import IntegrityError

from survey import commitments, releases
from survey.commitments import DONE, FARTHEST_DAYS, LATEST, TEXT_CHARACTERS, CommitmentError, Draft
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Comment, Commitment, CommitmentClient, Department, Wave, database
from survey.responses import Answer
from tests.cast import Company

TODAY = date(2026, 4, 1)
TEXT = "We answer within two days."
DRAFT = Draft("diligence", TEXT, date(2026, 5, 1))


@pytest.fixture
def wave(company: Company) -> Wave:
    """A release in which everybody has answered, and somebody suggests something to each department."""
    said: set[int] = set()

    def about(provider: int) -> Answer:
        first = provider not in said
        said.add(provider)
        return Answer(provider, dict.fromkeys(ITEMS, 4), None, "Call back." if first else "", "suggestion")

    return company.once("a suggestion each", lambda: company.released_wave(about))


@pytest.fixture
def finance(company: Company) -> Department:
    return company.departments["Finance"]


def suggestion_of(wave: Wave, provider: Department) -> str:
    (found,) = commitments.suggestions(releases.comments(wave, [provider.id])[provider.id])
    return found.id


def refused(deed: Callable[..., object], *values: object) -> tuple[str, str]:
    """The part at fault, and why."""
    with pytest.raises(CommitmentError) as fault:
        deed(*values)
    return fault.value.field, str(fault.value)


def rows(provider: Department, today: date = TODAY) -> list[tuple[str, str]]:
    return [(row.commitment.text, row.state) for row in commitments.of_providers([provider.id], today)[provider.id]]


# --- Making --------------------------------------------------------------------------------------------------------


def test_a_commitment_keeps_what_was_promised_and_to_whom(wave: Wave, finance: Department, company: Company) -> None:
    sales, it = company.departments["Sales"], company.departments["IT"]
    suggestion = suggestion_of(wave, finance)
    commitments.make(wave, finance, replace(DRAFT, clients=[sales.id, it.id, sales.id], suggestion=suggestion), TODAY)
    (row,) = commitments.of_providers([finance.id], TODAY)[finance.id]
    assert (row.commitment.text, row.commitment.item, row.commitment.due_on) == (TEXT, "diligence", DRAFT.due_on)
    assert (row.commitment.wave_id, row.commitment.made_on, row.commitment.ended_on) == (wave.id, TODAY, None)
    assert (row.clients, row.commitment.suggestion_id, row.state) == (("IT", "Sales"), suggestion, "open")


def test_the_words_become_one_line_without_signs_that_no_database_takes(wave: Wave, finance: Department) -> None:
    commitments.make(wave, finance, replace(DRAFT, text="  We\r\nanswer\0 soon.\t"), TODAY)
    assert rows(finance) == [("We answer soon.", "open")]


@pytest.mark.parametrize("state", ["planned", "open", "cancelled"])
def test_nothing_is_promised_before_a_wave_has_closed(company: Company, finance: Department, state: str) -> None:
    wave = company.open_wave()
    Wave.update(state=state).where(Wave.id == wave.id).execute()
    found = refused(commitments.make, Wave.get_by_id(wave.id), finance, DRAFT, TODAY)
    assert found == ("", "A commitment comes from a wave that has closed.")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", " \n\0 "),
        ("text", "x" * (TEXT_CHARACTERS + 1)),
        ("text", "Sign in at https://evil.example"),
        ("text", "WWW.evil.example"),
        ("item", ""),
        ("item", "missing"),
        ("item", "promises; DROP TABLE"),
        ("due_on", TODAY - timedelta(days=1)),
        ("due_on", TODAY + timedelta(days=FARTHEST_DAYS + 1)),
        ("due_on", date.min),
        ("suggestion", "0" * 32),
        ("clients", [4711]),
    ],
)
def test_a_fault_is_named_by_its_field_and_nothing_is_stored(
    wave: Wave, finance: Department, field: str, value: object
) -> None:
    assert refused(commitments.make, wave, finance, replace(DRAFT, **{field: value}), TODAY)[0] == field
    assert not Commitment.select().exists()
    assert not CommitmentClient.select().exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "x" * TEXT_CHARACTERS),
        ("item", OVERALL),
        ("due_on", TODAY),
        ("due_on", TODAY + timedelta(days=FARTHEST_DAYS)),
    ],
)
def test_what_lies_just_within_the_limits_is_taken(wave: Wave, finance: Department, field: str, value: object) -> None:
    made = commitments.make(wave, finance, replace(DRAFT, **{field: value}), TODAY)
    assert getattr(Commitment.get_by_id(made.id), field) == value


def test_only_clients_that_the_release_names_are_credited(company: Company, finance: Department) -> None:
    """Four of IT are too few to stand alone, and are only shown together with Logistics."""
    company.ask_only_about("Finance")
    wave = company.open_wave()
    for name, people in (("Sales", 10), ("Logistics", 5), ("IT", 4)):
        company.rate(wave, name, people)
    wave = company.close_wave(wave)
    assert [client.name for client in releases.named_clients(wave, [finance.id])[finance.id]] == ["Sales"]
    commitments.make(wave, finance, replace(DRAFT, clients=[company.departments["Sales"].id]), TODAY)
    for name in ("Logistics", "Legal", "IT", "Finance"):
        draft = replace(DRAFT, text=name, clients=[company.departments[name].id])
        assert refused(commitments.make, wave, finance, draft, TODAY)[0] == "clients", name


def test_a_department_that_nobody_could_rate_promises_without_credit(company: Company, finance: Department) -> None:
    wave = company.close_wave(company.open_wave())
    assert releases.named_clients(wave, [finance.id]) == {finance.id: []}
    commitments.make(wave, finance, DRAFT, TODAY)
    assert rows(finance) == [(TEXT, "open")]


def test_another_departments_suggestion_is_none(wave: Wave, finance: Department, company: Company) -> None:
    draft = replace(DRAFT, suggestion=suggestion_of(wave, company.departments["IT"]))
    assert refused(commitments.make, wave, finance, draft, TODAY)[0] == "suggestion"


def test_a_complaint_is_no_suggestion(wave: Wave, finance: Department) -> None:
    draft = replace(DRAFT, suggestion=suggestion_of(wave, finance))
    Comment.update(kind="complaint").execute()
    assert refused(commitments.make, wave, finance, draft, TODAY)[0] == "suggestion"


def test_a_suggestion_that_too_few_raters_keep_hidden_is_none(company: Company, finance: Department) -> None:
    wave = company.open_wave()
    company.rate(wave, "Sales", 9)
    wave = company.close_wave(wave)
    hidden = Comment.create(wave=wave, provider=finance, kind="suggestion", text="Hidden")
    assert refused(commitments.make, wave, finance, replace(DRAFT, suggestion=hidden.id), TODAY)[0] == "suggestion"


def test_sending_twice_promises_once(wave: Wave, finance: Department) -> None:
    commitments.make(wave, finance, DRAFT, TODAY)
    assert refused(commitments.make, wave, finance, DRAFT, TODAY) == ("", "This commitment has been made already.")
    assert Commitment.select().count() == 1


# --- Ending --------------------------------------------------------------------------------------------------------


def test_an_open_one_whose_day_has_passed_is_late(wave: Wave, finance: Department) -> None:
    commitments.make(wave, finance, DRAFT, TODAY)
    assert rows(finance, DRAFT.due_on) == [(TEXT, "open")]
    assert rows(finance, DRAFT.due_on + timedelta(days=1)) == [(TEXT, "late")]


def test_what_is_done_is_late_no_more(wave: Wave, finance: Department) -> None:
    after = DRAFT.due_on + timedelta(days=9)
    commitments.finish(commitments.make(wave, finance, DRAFT, TODAY), after)
    assert rows(finance, after) == [(TEXT, "done")]
    assert Commitment.get().ended_on == after


def test_dropping_needs_a_reason(wave: Wave, finance: Department) -> None:
    made = commitments.make(wave, finance, DRAFT, TODAY)
    for reason in ("", " \r\n\0", "x" * (TEXT_CHARACTERS + 1)):
        assert refused(commitments.drop, made, reason, TODAY)[0] == "reason"
    assert rows(finance) == [(TEXT, "open")]
    commitments.drop(made, " No\nbudget. ", TODAY)
    assert rows(finance) == [(TEXT, "dropped")]
    assert Commitment.get().reason == "No budget."


def test_what_has_ended_stays_as_it_ended(wave: Wave, finance: Department) -> None:
    done, dropped = (commitments.make(wave, finance, replace(DRAFT, text=text), TODAY) for text in ("One", "Two"))
    commitments.finish(done, TODAY)
    commitments.drop(dropped, "No budget.", TODAY)
    later = TODAY + timedelta(days=1)
    for ended in (done, dropped):
        assert refused(commitments.finish, ended, later) == ("", "This commitment has ended already.")
        assert refused(commitments.drop, ended, "Again", later) == ("", "This commitment has ended already.")
    assert {found.ended_on for found in Commitment.select()} == {TODAY}


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "late"},
        {"state": "done"},
        {"ended_on": TODAY},
        {"state": "dropped", "ended_on": TODAY},
        {"reason": "Not dropped"},
    ],
)
def test_the_database_refuses_states_that_cannot_be(wave: Wave, finance: Department, wrong: dict[str, object]) -> None:
    made = commitments.make(wave, finance, DRAFT, TODAY)
    with pytest.raises(IntegrityError), database.atomic():
        Commitment.update(**wrong).where(Commitment.id == made.id).execute()


# --- Reading -------------------------------------------------------------------------------------------------------


def test_what_is_open_comes_first_by_its_day_then_what_ended_last(wave: Wave, finance: Department) -> None:
    def made(text: str, days: int) -> Commitment:
        return commitments.make(wave, finance, replace(DRAFT, text=text, due_on=TODAY + timedelta(days=days)), TODAY)

    made("In June", 70)
    made("In May", 40)
    for text, day in (("Done first", 3), ("Done last", 5)):
        commitments.finish(made(text, 9), TODAY + timedelta(days=day))
    assert [text for text, _ in rows(finance)] == ["In May", "In June", "Done last", "Done first"]


def test_every_department_asked_for_is_there_and_no_other(wave: Wave, finance: Department, company: Company) -> None:
    it = company.departments["IT"]
    commitments.make(wave, finance, DRAFT, TODAY)
    assert {key: len(found) for key, found in commitments.of_providers([finance.id, it.id], TODAY).items()} == {
        finance.id: 1,
        it.id: 0,
    }


def test_the_latest_are_those_that_something_happened_to_last(wave: Wave, finance: Department) -> None:
    for day in range(4):
        commitments.make(wave, finance, replace(DRAFT, text=f"Made {day}"), TODAY + timedelta(days=day))
    first = Commitment.get(Commitment.text == "Made 0")
    commitments.finish(first, TODAY + timedelta(days=9))
    commitments.drop(Commitment.get(Commitment.text == "Made 3"), "No budget.", TODAY)
    found = [row.commitment.text for row in commitments.latest(frozenset([finance.id]), TODAY, 2)]
    assert found == ["Made 0", "Made 2"]
    assert not commitments.latest(frozenset([finance.id]), TODAY, since=TODAY + timedelta(days=10))


def test_of_who_promises_much_no_more_than_the_latest_are_told_and_all_of_who_promises_little(
    wave: Wave, finance: Department, company: Company
) -> None:
    it = company.departments["IT"]
    commitments.make(wave, it, replace(DRAFT, text="The first of all"), TODAY - timedelta(days=9))
    for number in range(LATEST + 2):
        commitments.make(wave, finance, replace(DRAFT, text=f"Number {number}"), TODAY)
    commitments.finish(Commitment.get(Commitment.text == "Number 0"), TODAY)

    def told(*providers: Department, **which: Any) -> list[str]:
        found = commitments.latest(frozenset(provider.id for provider in providers), TODAY, **which)
        return [row.commitment.text for row in found]

    assert told(finance, it) == [f"Number {number}" for number in range(LATEST + 1, 1, -1)]
    assert told(finance, states=(DONE,)) == ["Number 0"]
    assert told(it) == ["The first of all"]


# --- Due -----------------------------------------------------------------------------------------------------------


def test_what_is_late_or_due_within_the_days_is_told_by_its_day(
    wave: Wave, finance: Department, company: Company
) -> None:
    for provider, day, text in (
        (finance, 90, "Just in time"),
        (finance, 91, "Too far away"),
        (company.departments["IT"], 0, "Today"),
        (company.departments["IT"], 1, "Tomorrow"),
    ):
        commitments.make(wave, provider, Draft("promises", text, TODAY + timedelta(days=day)), TODAY)
    tomorrow = TODAY + timedelta(days=1)
    found = [(row.commitment.provider.name, row.commitment.text, row.state) for row in commitments.due(tomorrow, 89)]
    assert found == [("IT", "Today", "late"), ("IT", "Tomorrow", "open"), ("Finance", "Just in time", "open")]


def test_what_has_ended_is_not_due(wave: Wave, finance: Department) -> None:
    commitments.finish(commitments.make(wave, finance, DRAFT, TODAY), TODAY)
    commitments.drop(commitments.make(wave, finance, replace(DRAFT, text="More"), TODAY), "Too dear", TODAY)
    assert commitments.due(DRAFT.due_on, 90) == []


def test_a_department_that_is_no_more_owes_nothing(wave: Wave, finance: Department) -> None:
    commitments.make(wave, finance, DRAFT, TODAY)
    assert len(commitments.due(TODAY, 90)) == 1
    Department.update(active=False).where(Department.id == finance.id).execute()
    assert commitments.due(TODAY, 90) == []


# --- All of the company's --------------------------------------------------------------------------------------------


def test_a_part_of_all_is_in_one_state_and_says_how_many_there_are(wave: Wave, company: Company) -> None:
    for number, name in enumerate(("Finance", "IT", "Sales")):
        made = commitments.make(wave, company.departments[name], replace(DRAFT, text=name), TODAY)
        if number < 2:
            commitments.finish(made, TODAY + timedelta(days=number))
    done = commitments.part("done", TODAY, limit=1)
    assert ([row.commitment.text for row in done.rows], done.total) == (["IT"], 2)
    assert [row.commitment.text for row in commitments.part("done", TODAY, after=1).rows] == ["Finance"]
    sales = company.departments["Sales"]
    for day, state in ((DRAFT.due_on, "open"), (DRAFT.due_on + timedelta(days=1), "late")):
        other = {"open": "late", "late": "open"}[state]
        assert [row.state for row in commitments.part(state, day, sales.id).rows] == [state]
        assert commitments.part(other, day, sales.id).total == 0
    assert commitments.part("open", TODAY, company.departments["IT"].id).rows == []


def test_who_has_promised_is_whoever_has_something_to_read(wave: Wave, company: Company) -> None:
    for name in ("Sales", "IT", "Finance", "Logistics"):
        made = commitments.make(wave, company.departments[name], DRAFT, TODAY)
        if name == "IT":
            commitments.drop(made, "No time", TODAY)
        if name == "Logistics":
            commitments.finish(made, TODAY)
    Department.update(active=False).where(Department.name.in_(["Sales", "Logistics"])).execute()
    assert [found.name for found in commitments.who_has_promised()] == ["Finance", "Logistics"]
