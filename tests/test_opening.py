"""Opening a wave for many: each is invited and mailed once, whatever happens meanwhile."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from survey import erasure, opening, outbox, progress, responses, waves
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Invitation,
    Message,
    NoticeQuestion,
    Opening,
    Person,
    Pulse,
    Wave,
    database,
)
from survey.pulses import add_pulse
from survey.responses import Answer, Outcome
from survey.settings import Settings
from tests.cast import DAY, OPENS, SIZES, Company, K, asked_by

EVERYBODY = sum(SIZES.values())
AT_ONCE = 20  # people, so that the wave is opened in three steps

Invited = list[tuple[int, str]]


@pytest.fixture
def in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "INVITED_AT_ONCE", AT_ONCE)


@pytest.fixture
def wave(company: Company, in_steps: None) -> Wave:
    """A wave that is opening, and has invited nobody yet."""
    (wave,) = waves.open_due(OPENS, K)
    return wave


def state(wave: Wave) -> str:
    return Wave.get_by_id(wave.id).state


def invited(wave: Wave) -> Invited:
    """(person, providers) of each invitation, in the order of people."""
    query = Invitation.select(Invitation.person, Invitation.providers).where(Invitation.wave == wave)
    return sorted(query.tuples())


def mailed(wave: Wave) -> Counter[int]:
    """{person: invitations by mail}"""
    query = Message.select(Message.person).where(Message.kind == outbox.INVITATION, Message.wave == wave)
    return Counter(person for (person,) in query.tuples())


def is_whole(wave: Wave) -> bool:
    """Whether everybody is invited and mailed once, and nothing is left to do."""
    people = {person for person, _ in invited(wave)}
    numbers = [group.invited for group in ClientGroup.select().where(ClientGroup.wave == wave)]
    done = state(wave) == "open" and not Opening.select().exists() and Wave.get_by_id(wave.id).progress is None
    return done and len(people) == len(invited(wave)) == sum(numbers) and mailed(wave) == Counter(people)


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Lets something be done, once, when the first people are invited: by another request, with its own connection."""

    def arranged(deed: Callable[[], object]) -> None:
        todo = [deed]

        def tell(wave: Wave, state: str, share: float) -> None:
            if todo:
                with ThreadPoolExecutor(1) as thread:
                    thread.submit(in_a_connection, todo.pop()).result()

        monkeypatch.setattr(progress, "tell", tell)

    return arranged


def in_a_connection(deed: Callable[[], object]) -> None:
    with database.connection_context():
        deed()


@pytest.fixture
def left_alone(company: Company) -> Invited:
    """Whom the wave invites when nothing happens meanwhile, and whom it asks them about."""
    with database.atomic() as tried:
        waves.open_due(OPENS, K)
        found = invited(Wave.get(Wave.state == "open"))
        tried.rollback()
    return found


# At once or in steps


@pytest.mark.parametrize(("more", "found"), [(0, "open"), (-1, "opening")])
def test_a_wave_is_open_at_once_unless_many_are_asked(
    company: Company, monkeypatch: pytest.MonkeyPatch, more: int, found: str
) -> None:
    monkeypatch.setattr(opening, "INVITED_AT_ONCE", EVERYBODY + more)
    wave = waves.open_now(company.pulse, OPENS, K)
    assert (wave.state, len(invited(wave))) == (found, EVERYBODY if found == "open" else 0)
    assert waves.invite_due(OPENS) == ([] if found == "open" else [wave])
    assert is_whole(wave)


def test_in_steps_the_same_people_are_asked_about_the_same_providers(left_alone: Invited, wave: Wave) -> None:
    assert waves.invite_due(OPENS) == [wave]
    assert invited(wave) == left_alone
    assert is_whole(wave)
    assert waves.invite_due(OPENS) == []


def test_its_groups_and_the_next_wave_stand_before_anybody_is_invited(wave: Wave) -> None:
    found = Wave.get_by_id(wave.id)
    assert (found.min_group, found.opened_at, bool(found.questionnaire)) == (K, OPENS, True)
    assert sum(group.invited for group in ClientGroup.select()) == EVERYBODY
    assert Wave.select().where(Wave.state == "planned").count() == 1
    assert not Invitation.select().exists()


def test_a_wave_that_asks_nobody_opens(company: Company) -> None:
    Person.update(active=False).execute()
    (wave,) = waves.open_due(OPENS, K)
    assert (state(wave), invited(wave)) == ("open", [])
    assert not Opening.select().exists()


# Interrupted


class Interrupted(Exception):
    """Somewhere, as a kill would be."""


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Lets the database fail at its n-th writing statement or COMMIT from now on."""
    bound, left = database.obj, [0]
    execute, commit = bound.execute_sql, bound.commit

    def count() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Interrupted

    def executing(sql: str, *rest: Any, **words: Any) -> Any:
        if sql.startswith(("UPDATE", "INSERT", "DELETE")):
            count()
        return execute(sql, *rest, **words)

    def committing() -> Any:
        count()
        return commit()

    def kill_at(moment: int) -> None:
        left[0] = moment

    monkeypatch.setattr(bound, "execute_sql", executing)
    monkeypatch.setattr(bound, "commit", committing)
    yield kill_at
    left[0] = 0


def test_whenever_it_is_interrupted_it_goes_on_where_it_was(
    left_alone: Invited, wave: Wave, statements: Callable[[int], None]
) -> None:
    """Again and again, each time after a few statements more; in the end everybody is invited and mailed once."""
    interruptions = 0
    for moment in range(1, 100):
        statements(moment)
        try:
            opening.finish(wave, OPENS)
        except Interrupted:
            interruptions += 1
            assert not (mailed(wave) and state(wave) == "opening")
        else:
            break
    statements(0)
    assert interruptions > 5
    assert invited(wave) == left_alone
    assert is_whole(wave)


def test_two_at_once_invite_and_mail_nobody_twice(
    left_alone: Invited, wave: Wave, between: Callable[[Callable[[], object]], None]
) -> None:
    between(lambda: waves.invite_due(OPENS))
    assert waves.invite_due(OPENS) == []  # the other one has done it
    assert invited(wave) == left_alone
    assert is_whole(wave)


def test_mails_that_a_kill_kept_back_are_queued_by_the_clock(wave: Wave, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "queue", lambda *_, **__: 1 / 0)
        assert waves.invite_due(OPENS) == []
    assert (state(wave), len(mailed(wave))) == ("open", 0)
    assert waves.invite_due(OPENS) == [wave]
    assert is_whole(wave)


def test_a_wave_that_stays_opening_needs_somebody_to_look(wave: Wave) -> None:
    assert waves.overdue(OPENS + waves.OVERDUE_SECONDS) == []
    assert waves.overdue(OPENS + waves.OVERDUE_SECONDS + 1) == [wave]


# Meanwhile


def test_nobody_answers_before_the_wave_is_open(
    wave: Wave, company: Company, between: Callable[[Callable[[], object]], None]
) -> None:
    outcomes = []

    def answer() -> None:
        outcomes.append(company_answers())

    def company_answers() -> Outcome:
        found = Invitation.get(Invitation.wave == wave)
        return responses.accept(asked_by(found.id), [Answer(int(found.providers.split()[0]), {"overall": 4})])

    between(answer)
    waves.invite_due(OPENS)
    assert [*outcomes, company_answers()] == [Outcome.CLOSED, Outcome.STORED]


def test_others_answer_and_hr_reads_while_a_wave_is_opening(
    company: Company, settings: Settings, app: Flask, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = waves.open_now(add_pulse("other", "quarterly", company.pulse.first_date, "Europe/Madrid"), OPENS, K)
    left = iter(list(Invitation.select().where(Invitation.wave == running)))
    monkeypatch.setattr(opening, "INVITED_AT_ONCE", AT_ONCE)
    (wave,) = waves.open_due(OPENS, K)
    hanna, tell, told = sign_in(company.hanna), progress.tell, []

    def others(wave: Wave, state: str, share: float) -> None:
        tell(wave, state, share)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(in_a_connection, answer_and_read).result()

    def answer_and_read() -> None:
        found = next(left)
        stored = responses.accept(asked_by(found.id), [Answer(int(found.providers.split()[0]), {"overall": 1})])
        pages = [hanna.get(page).text for page in ("/hr/pulses", "/hr/")]
        told.append((stored, *(share for share in ("33 %", "67 %") if all(f"{share} of it" in page for page in pages))))

    monkeypatch.setattr(progress, "tell", others)
    database.close()
    with database.connection_context():
        assert waves.invite_due(OPENS) == [wave]
        assert told == [(Outcome.STORED, "33 %"), (Outcome.STORED, "67 %")]


def test_who_leaves_or_moves_meanwhile_is_asked_as_decided_and_who_comes_is_not(
    left_alone: Invited, wave: Wave, company: Company, between: Callable[[Callable[[], object]], None]
) -> None:
    def change() -> None:
        last = Person.select(Person.id).where(Person.role == "").order_by(Person.id.desc())
        leaver, mover = (person.id for person in last.limit(2))
        Person.update(active=False).where(Person.id == leaver).execute()
        Person.update(department=company.departments["Legal"]).where(Person.id == mover).execute()
        Person.create(email="new@mirror.example", name="New", language="en", department=company.departments["Sales"])

    between(change)
    assert waves.invite_due(OPENS) == [wave]
    assert invited(wave) == left_alone
    assert is_whole(wave)


@pytest.mark.parametrize("place", [0, -1], ids=["invited already", "not yet"])
def test_who_is_erased_meanwhile_keeps_a_place_without_a_name(
    left_alone: Invited, wave: Wave, between: Callable[[Callable[[], object]], None], place: int
) -> None:
    erased = left_alone[place][0]
    between(lambda: erasure.erase(Person.get_by_id(erased).email))
    assert waves.invite_due(OPENS) == [wave]
    people = Counter(invitation.person_id for invitation in Invitation.select())
    assert people == Counter([None, *(person for person, _ in left_alone if person != erased)])
    assert sum(group.invited for group in ClientGroup.select()) == EVERYBODY
    assert mailed(wave) == Counter(person for person, _ in left_alone if person != erased)


def test_a_wave_that_is_closed_before_all_are_mailed_mails_nobody_more(
    wave: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = outbox.queue

    def queue_once(*told: Any, **more: Any) -> None:
        queue(*told, **more)
        monkeypatch.setattr(outbox, "queue", lambda *_, **__: 1 / 0)

    monkeypatch.setattr(outbox, "queue", queue_once)
    assert waves.invite_due(OPENS) == []
    monkeypatch.setattr(outbox, "queue", queue)
    assert waves.close_wave(wave, OPENS + 1)
    assert waves.invite_due(OPENS) == []
    assert (len(invited(wave)), len(mailed(wave))) == (EVERYBODY, AT_ONCE)


# Other waves


@pytest.fixture
def other(company: Company) -> Pulse:
    """Another pulse for everybody, whose wave is due a day later."""
    return add_pulse("other", "quarterly", company.pulse.first_date + timedelta(days=1), "Europe/Madrid")


def test_a_wave_that_is_opening_has_asked_all_of_its_people(other: Pulse, wave: Wave) -> None:
    assert not Invitation.select().exists()
    with pytest.raises(waves.WaveError, match="nearly everybody is asked by other waves"):
        waves.open_now(other, OPENS + DAY, K, 14)


def test_its_pulse_opens_no_other_wave(company: Company, wave: Wave) -> None:
    with pytest.raises(waves.WaveError, match="has a wave open already"):
        waves.open_now(company.pulse, OPENS + DAY, K)
    assert waves.open_due(OPENS + 100 * DAY, K) == []


def test_who_is_asked_by_another_wave_at_this_moment_is_left_out(
    company: Company, other: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The people are read before anybody has to wait; what other waves have done since then counts."""
    draft = opening.draft

    def first_the_other(wave: Wave, rest_days: int) -> opening.Draft:
        drafted = draft(wave, rest_days)
        monkeypatch.setattr(opening, "draft", draft)
        waves.open_now(other, OPENS, K, 14)
        return drafted

    monkeypatch.setattr(opening, "draft", first_the_other)
    with pytest.raises(waves.WaveError, match="nearly everybody is asked by other waves"):
        waves.open_now(company.pulse, OPENS, K, 14)
    assert Invitation.select().count() == EVERYBODY


# Called off


def test_a_wave_that_is_called_off_while_it_opens_has_asked_nobody(
    wave: Wave, other: Pulse, between: Callable[[Callable[[], object]], None]
) -> None:
    between(lambda: waves.cancel_wave(wave, OPENS))
    assert waves.invite_due(OPENS) == []
    assert state(wave) == "cancelled"
    waves.discard_due()
    assert not any(table.select().exists() for table in (Invitation, ClientGroup, ClientGroupDepartment, Opening))
    assert not NoticeQuestion.select().exists()
    assert not mailed(wave)
    assert waves.open_now(other, OPENS + DAY, AT_ONCE, 14).left_out == 0


def test_one_that_is_called_off_counts_as_asked_nobody_before_its_invitations_are_deleted(
    wave: Wave, other: Pulse, between: Callable[[Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    between(lambda: waves.cancel_wave(wave, OPENS))
    with monkeypatch.context() as patched:
        patched.setattr(opening, "undo", lambda _: 1 / 0)
        assert waves.invite_due(OPENS) == []
    assert Invitation.select().count() == AT_ONCE
    assert waves.open_now(other, OPENS + DAY, K, 14).left_out == 0
    assert not erasure.rewrite_due()  # not before all is deleted
    assert waves.discard_due() == [wave]
    assert Invitation.select().where(Invitation.wave == wave).count() == 0
    assert waves.discard_due() == []
