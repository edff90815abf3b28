"""Did you notice? Asked of those whom a done commitment names, and of nobody else; counted once, by k or not at all."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from peewee import IntegrityError

from survey import commitments, erasure, notices, releases, responses, waves
from survey.commitments import Draft
from survey.models import (
    Commitment,
    CommitmentClient,
    Department,
    Invitation,
    Notice,
    NoticeQuestion,
    NoticeTally,
    Person,
    Wave,
    database,
)
from survey.notices import REMEMBERED_DAYS
from survey.responses import Answer, Outcome
from tests.cast import DAY, Company, K, asked_by

ROOM = 3  # taps that the usual questionnaire leaves
Done = Callable[..., Commitment]


@pytest.fixture
def released(company: Company) -> Wave:
    return company.released_wave()


@pytest.fixture
def done(company: Company, released: Wave) -> Done:
    """`done("Finance", "Sales", "IT")`: what Finance had promised these clients, and says is done since yesterday."""

    def made(provider: str, *clients: str, text: str = "", ended_on: date = date(2026, 5, 31)) -> Commitment:
        draft = Draft(
            "diligence",
            text or f"{provider} answers {' and '.join(clients)} within two days.",
            date(2026, 8, 1),
            [company.departments[name].id for name in clients],
        )
        commitment = commitments.make(released, company.departments[provider], draft, date(2026, 4, 1))
        commitments.finish(commitment, ended_on)
        return Commitment.get_by_id(commitment.id)

    return made


def invitations(company: Company, wave: Wave, department: str) -> list[Invitation]:
    query = Invitation.select(Invitation, Person).join(Person)
    own = (Invitation.wave == wave) & (Person.department == company.departments[department])
    return list(query.where(own).order_by(Person.id))


def asked(company: Company, wave: Wave) -> dict[str, list[int]]:
    """{department: the commitments that each of its people is asked about}, of departments that are asked at all."""
    found = {}
    for name in company.departments:
        each = {
            tuple(one.commitment for one in asked_by(own.id).noticeable) for own in invitations(company, wave, name)
        }
        assert len(each) == 1, "People of one department are asked the same."
        if told := list(each.pop()):
            found[name] = told
    return found


def say(company: Company, wave: Wave, department: str, noticed: list[bool], commitment: Commitment) -> None:
    waiting = [found for found in invitations(company, wave, department) if not found.answered]
    for said, invitation in zip(noticed, waiting, strict=False):
        assert responses.accept(asked_by(invitation.id), [], {commitment.id: said}) is Outcome.STORED


# --- Who is asked --------------------------------------------------------------------------------------------------


def test_those_that_it_names_are_asked_and_nobody_else(company: Company, done: Done) -> None:
    kept = done("Finance", "Sales", "IT")
    assert asked(company, company.open_wave()) == {"Sales": [kept.id], "IT": [kept.id]}


def test_what_is_open_late_or_dropped_is_not_asked_about(company: Company, done: Done) -> None:
    """Its lead claims nothing of it."""
    for state, ended_on, reason in (("open", None, ""), ("dropped", date(2026, 5, 1), "No budget.")):
        kept = done("Finance", "Sales", text=state)
        changed = {"state": state, "ended_on": ended_on, "reason": reason, "due_on": date(2026, 4, 2)}
        Commitment.update(**changed).where(Commitment.id == kept.id).execute()
    assert asked(company, company.open_wave()) == {}


def test_what_is_done_after_the_opening_waits_for_the_next_wave(company: Company, done: Done) -> None:
    first = company.open_wave()
    kept = done("Finance", "Sales")
    assert asked(company, first) == {}
    company.close_wave(first)
    assert asked(company, company.open_wave()) == {"Sales": [kept.id]}


def test_a_commitment_is_asked_about_in_one_wave_only(company: Company, done: Done) -> None:
    done("Finance", "Sales")
    company.released_wave()
    assert asked(company, company.open_wave()) == {}


def test_after_a_wave_that_was_called_off_it_is_asked_again(company: Company, done: Done) -> None:
    kept, first = done("Finance", "Sales"), company.open_wave()
    say(company, first, "Sales", [True] * K, kept)
    waves.cancel_wave(first, first.opens_at + DAY)
    assert not NoticeQuestion.select().exists()
    assert not Notice.select().exists()
    assert asked(company, company.open_wave()) == {"Sales": [kept.id]}


@pytest.mark.parametrize(("days", "told"), [(REMEMBERED_DAYS, True), (REMEMBERED_DAYS + 1, False)])
def test_what_was_done_more_than_a_year_ago_is_asked_about_no_more(
    company: Company, done: Done, days: int, told: bool
) -> None:
    opens_on = Wave.get(Wave.state == "planned").local_date
    done("Finance", "Sales", ended_on=opens_on - timedelta(days=days))
    assert bool(asked(company, company.open_wave())) is told


def test_a_provider_that_is_no_more_is_not_asked_about(company: Company, done: Done) -> None:
    done("Finance", "Sales")
    Department.update(active=False).where(Department.id == company.departments["Finance"].id).execute()
    wave = company.open_wave()
    assert [asked_by(found.id).noticeable for found in invitations(company, wave, "Sales")] == [()] * 20


@pytest.mark.parametrize(("people", "told"), [(K - 1, False), (K, True)])
def test_fewer_than_k_people_are_not_asked(company: Company, done: Done, people: int, told: bool) -> None:
    done("Finance", "IT")
    staff = Person.select(Person.id).where(Person.department == company.departments["IT"]).order_by(Person.id)
    leaving = [person.id for person in staff][people:]
    Person.update(active=False).where(Person.id.in_(leaving)).execute()
    assert bool(asked(company, company.open_wave())) is told


def test_what_had_to_wait_is_asked_in_the_next_wave(company: Company, done: Done) -> None:
    kept = done("Finance", "IT")
    Person.update(active=False).where(Person.department == company.departments["IT"]).execute()
    company.released_wave()
    Person.update(active=True).execute()
    assert asked(company, company.open_wave()) == {"IT": [kept.id]}


def test_one_person_is_asked_about_two_at_most_the_latest_ones_of_different_providers(
    company: Company, done: Done
) -> None:
    done("Finance", "Sales", "IT", ended_on=date(2026, 5, 1))
    done("Logistics", "Sales", ended_on=date(2026, 5, 2))
    second = done("IT", "Sales", ended_on=date(2026, 5, 3))
    first = done("Finance", "Sales", text="Newer", ended_on=date(2026, 5, 4))
    found = asked(company, company.open_wave())
    assert found["Sales"] == [first.id, second.id]


def test_two_sums_about_one_provider_never_hold_the_same_people(company: Company, done: Done) -> None:
    """Else a lead who promised the same twice could take one from the other and keep a few."""
    newer = done("Finance", "Sales", text="Twice", ended_on=date(2026, 5, 4))
    older = done("Finance", "Sales", "IT", text="Once", ended_on=date(2026, 5, 3))
    assert asked(company, company.open_wave()) == {"Sales": [newer.id], "IT": [older.id]}


@pytest.mark.parametrize(("room", "most"), [(0, 0), (1, 0), (2, 1), (3, 2), (9, 2)])
def test_there_are_as_many_as_the_length_of_the_questionnaire_leaves_room_for(
    company: Company, done: Done, room: int, most: int
) -> None:
    for provider in ("Finance", "IT", "Logistics"):
        done(provider, "Sales")
    wave, sales = company.open_wave(), company.departments["Sales"]
    NoticeQuestion.delete().execute()
    notices.freeze(wave, {sales.id: 20}, K, room)
    assert NoticeQuestion.select().count() == most


def test_later_changes_of_who_is_credited_change_no_question(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    CommitmentClient.update(department=company.departments["IT"]).where(CommitmentClient.commitment == kept).execute()
    assert asked(company, wave) == {"Sales": [kept.id]}


def test_who_moves_is_asked_what_the_department_of_the_opening_is_asked(company: Company, done: Done) -> None:
    done("Finance", "Sales")
    wave = company.open_wave()
    link = Invitation.get(Invitation.wave == wave, Invitation.person == company.charlie)
    Person.update(department=company.departments["IT"]).where(Person.id == company.charlie.id).execute()
    assert asked_by(link.id).noticeable
    assert not [found for found in invitations(company, wave, "Finance") if asked_by(found.id).noticeable]


def test_of_small_departments_that_answer_together_only_the_one_that_is_named_is_asked(
    company: Company, done: Done
) -> None:
    """Four of Legal and four of IT are one client group."""
    it, legal = company.departments["IT"], company.departments["Legal"]
    kept = done("Finance", "IT", "Sales")
    leaving = [found.id for found in Person.select(Person.id).where(Person.department == it).order_by(Person.id)][4:]
    Person.update(active=False).where(Person.id.in_(leaving)).execute()
    wave = company.open_wave()
    assert asked(company, wave) == {"Sales": [kept.id], "IT": [kept.id]}
    of_it = invitations(company, wave, "IT")[0]
    Person.update(department=legal).where(Person.id == of_it.person_id).execute()
    assert asked_by(of_it.id).noticeable == ()
    Invitation.update(person=None).where(Invitation.id == of_it.id).execute()
    assert asked_by(of_it.id).noticeable == ()


# --- What is said --------------------------------------------------------------------------------------------------


def test_an_answer_names_nobody_and_no_department(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True, False], kept)
    rows = list(Notice.select().dicts())
    assert [set(row) for row in rows] == [{"id", "wave", "commitment", "noticed"}] * 2
    assert {row["noticed"] for row in rows} == {True, False}
    assert not {row["id"] for row in rows} & {found.id for found in Invitation.select()}


def test_who_is_not_asked_can_say_nothing(company: Company, done: Done) -> None:
    kept, other = done("Finance", "Sales"), done("IT", "Logistics")
    wave = company.open_wave()
    for department, commitment in (("Logistics", kept.id), ("Finance", kept.id), ("Sales", other.id), ("Sales", 4711)):
        link = invitations(company, wave, department)[0]
        with pytest.raises(ValueError, match="Only whom a commitment names"):
            responses.accept(asked_by(link.id), [Answer(company.departments["Legal"].id, {})], {commitment: True})
    assert not Notice.select().exists()
    assert not Invitation.select().where(Invitation.wave == wave, Invitation.answered).exists()


def test_it_is_said_once_and_not_after_closing(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    first, second, *_ = invitations(company, wave, "Sales")
    assert responses.accept(asked_by(first.id), [], {kept.id: True}) is Outcome.STORED
    assert responses.accept(asked_by(first.id), [], {kept.id: False}) is Outcome.ALREADY
    late = asked_by(second.id)
    company.close_wave(wave)
    assert responses.accept(late, [], {kept.id: True}) is Outcome.CLOSED
    assert not Notice.select().exists()


# --- Counting ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answers", "told"), [(K - 1, []), (K, [(K - 1, 1)])])
def test_fewer_than_k_answers_are_not_kept(
    company: Company, done: Done, answers: int, told: list[tuple[int, int]]
) -> None:
    kept, wave = done("Finance", "Sales", "IT"), company.open_wave()
    say(company, wave, "Sales", [True] * (answers - 2) + [False], kept)
    say(company, wave, "IT", [True], kept)
    company.close_wave(wave)
    assert list(NoticeTally.select(NoticeTally.noticed, NoticeTally.not_yet).tuples()) == told
    assert not Notice.select().exists()


def test_one_sum_is_told_of_all_that_were_asked_and_none_of_each(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales", "IT"), company.open_wave()
    say(company, wave, "Sales", [True] * 10, kept)
    say(company, wave, "IT", [False] * 6, kept)
    company.close_wave(wave)
    assert list(NoticeTally.select().tuples()) == [(wave.id, kept.id, 10, 6)]


@pytest.mark.parametrize(("noticed", "not_yet"), [(1, 1), (-1, 9), (2, 0)])
def test_the_database_refuses_tallies_of_one_or_two(company: Company, done: Done, noticed: int, not_yet: int) -> None:
    kept = done("Finance", "Sales")
    with pytest.raises(IntegrityError), database.atomic():
        NoticeTally.create(wave=kept.wave, commitment=kept, noticed=noticed, not_yet=not_yet)


def test_a_second_sum_about_one_commitment_is_refused(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    NoticeTally.create(wave=kept.wave, commitment=kept, noticed=5, not_yet=5)
    with pytest.raises(IntegrityError), database.atomic():
        NoticeTally.create(wave=wave, commitment=kept, noticed=5, not_yet=4)


def test_what_clients_noticed_is_part_of_what_the_digest_proves(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * K, kept)
    company.close_wave(wave)
    assert releases.altered() == []
    NoticeTally.update(noticed=NoticeTally.noticed + 1).execute()
    assert [found.id for found in releases.altered()] == [wave.id]


def test_whom_a_wave_asked_is_part_of_it_too(company: Company, done: Done) -> None:
    done("Finance", "Sales")
    wave = company.close_wave(company.open_wave())
    assert releases.altered() == []
    NoticeQuestion.update(department=company.departments["IT"]).execute()
    assert [found.id for found in releases.altered()] == [wave.id]


def test_erasing_a_person_leaves_the_answers_as_they_are(company: Company, done: Done) -> None:
    kept, wave = done("Finance", "Sales"), company.open_wave()
    say(company, wave, "Sales", [True] * 6, kept)
    for invitation in invitations(company, wave, "Sales")[:2]:
        assert erasure.erase(invitation.person.email)
    assert Notice.select().count() == 6
    company.close_wave(wave)
    assert NoticeTally.get().noticed == 6
