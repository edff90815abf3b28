"""What is forgotten, and that nothing of it is left in the files."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from flask.testing import FlaskClient
from peewee import ForeignKeyField, OperationalError

from survey import database as database_module
from survey import erasure, outbox, releases, sending, turnout, waves
from survey.erasure import erase, forget_due
from survey.models import (
    TABLES,
    Bounce,
    Hindrance,
    Invitation,
    Leadership,
    LeadView,
    Message,
    Person,
    Rating,
    Release,
    RosterFile,
    Subscription,
    Upload,
    Wave,
    database,
)
from survey.scheduler import Clockwork
from survey.settings import Settings
from survey.signing import invitation_token
from tests.cast import DAY, OPENS, Company
from tests.test_outbox import Post, compose

DAYS = 90


def bytes_on_disk(settings: Settings) -> bytes:
    """The database file, its write-ahead log and its index, and whatever else lies beside them."""
    return b"".join(path.read_bytes() for path in settings.home_folder.rglob("*") if path.is_file())


def spellings(person: Person) -> list[bytes]:
    """Name and address of a person, and the parts that are nobody else's, in every case."""
    words = [person.name, person.name.split()[0], person.email, person.email.split("@")[0]]
    return [spelt.encode() for word in words for spelt in (word, word.lower(), word.upper(), word.title())]


def found_of(person: Person, settings: Settings) -> list[bytes]:
    stored = bytes_on_disk(settings)
    return [spelt for spelt in spellings(person) if spelt in stored or spelt.lower() in stored.lower()]


@contextmanager
def somebody_reads(settings: Settings) -> Iterator[None]:
    """Another process holds a snapshot, so that the log cannot be emptied; we wait for 10 ms only."""
    with closing(sqlite3.connect(settings.home_folder / "espejo.sqlite3")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM person").fetchone()
        database.execute_sql("PRAGMA busy_timeout = 10")
        yield


# Waves that closed long ago


@pytest.mark.parametrize(("late", "forgotten"), [(-1, 0), (0, 1), (1, 1)])
def test_people_are_forgotten_when_the_days_are_over(company: Company, late: int, forgotten: int) -> None:
    wave = company.released_wave()
    assert wave.closed_at is not None
    assert forget_due(wave.closed_at + DAYS * DAY + late, DAYS) == forgotten
    remembered = Invitation.select().where(Invitation.person.is_null(False)).count()
    assert remembered == (0 if forgotten else 59)


def test_what_is_forgotten_is_not_forgotten_again(company: Company) -> None:
    company.released_wave()
    assert [forget_due(OPENS + 999 * DAY, DAYS) for _ in range(2)] == [1, 0]


def test_forgetting_that_broke_off_is_ended_at_the_next_turn(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.released_wave()
    monkeypatch.setattr(database_module, "CHANGED_AT_ONCE", 20)
    pauses = []

    def stop(_seconds: float) -> None:
        pauses.append(1)
        if len(pauses) == 3:  # all mails and some invitations come before
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(database_module.time, "sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            forget_due(OPENS + 999 * DAY, DAYS)
    left = Invitation.select().where(Invitation.person.is_null(False)).count()
    assert 0 < left < 59
    assert Release.select().where(~Release.rewritten).exists()
    assert forget_due(OPENS + 999 * DAY, DAYS) == 1
    assert not Invitation.select().where(Invitation.person.is_null(False) | (Invitation.providers != "")).exists()
    assert not Release.select().where(~Release.rewritten).exists()


def test_an_open_wave_is_remembered_however_old_it_is(company: Company) -> None:
    company.open_wave()
    assert forget_due(OPENS + 9999 * DAY, DAYS) == 0
    assert Invitation.select().where(Invitation.person.is_null(False)).count() == 59
    assert Message.select().count() == 59


def test_forgetting_one_wave_leaves_the_next_as_it_is(company: Company) -> None:
    first, second = company.released_wave(), company.released_wave()
    assert first.closed_at is not None
    assert forget_due(first.closed_at + DAYS * DAY, DAYS) == 1
    kept = Invitation.select(Invitation.wave).where(Invitation.person.is_null(False)).distinct().tuples()
    assert list(kept) == [(second.id,)]
    assert {wave for (wave,) in Message.select(Message.wave).tuples()} == {second.id}


def test_forgetting_keeps_who_answered_the_counts_and_the_release(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave, share=0.5)
    company.close_wave(wave)
    told, kept = turnout.participation(Wave.get_by_id(wave.id)), Release.get().digest
    answered = Invitation.select().where(Invitation.answered).count()
    forget_due(OPENS + 999 * DAY, DAYS)
    assert Invitation.select().where(Invitation.answered).count() == answered
    assert turnout.participation(Wave.get_by_id(wave.id)) == told
    assert (Release.get().digest, releases.altered()) == (kept, [])


def test_the_mails_of_a_forgotten_wave_are_gone(company: Company) -> None:
    wave = company.open_wave()
    sending.deliver(OPENS, compose, Post())
    company.close_wave(wave)
    assert Message.select().count() == 59 + 4
    forget_due(OPENS + 999 * DAY, DAYS)
    assert Message.select().count() == 0


@pytest.mark.parametrize(("late", "kept"), [(-1, 3), (0, 0)])
def test_mails_of_no_closed_wave_are_forgotten_when_as_old(company: Company, late: int, kept: int) -> None:
    """A sign-in link that was sent, one that nobody could send in time, and word of a wave that was missed."""
    missed = Wave.get()
    Wave.update(state="cancelled", cancel_reason="missed").execute()
    outbox.queue(outbox.SIGN_IN, [company.alice.id], OPENS)
    outbox.queue(outbox.MISSED, [company.hanna.id], OPENS, wave=missed)
    sending.deliver(OPENS, compose, Post())
    outbox.queue(outbox.SIGN_IN, [company.bob.id], OPENS, expires_at=OPENS + 900)
    forget_due(OPENS + DAYS * DAY + late, DAYS)
    assert Message.select().count() == kept


def test_a_summary_that_leaves_later_outlives_its_wave_and_is_forgotten_afterwards(company: Company) -> None:
    wave = company.released_wave()
    Message.update(due_at=wave.closed_at + 3 * DAY).where(Message.kind.in_(outbox.SUMMARIES)).execute()
    forget_due(wave.closed_at + DAY, 1)
    assert {message.kind for message in Message.select()} == {outbox.SUMMARY, outbox.COMPANY}
    Message.update(state="sent").execute()
    forget_due(wave.closed_at + 4 * DAY, 1)
    assert not Message.select().exists()


def test_who_was_asked_in_a_cancelled_wave_leaves_the_files_before_any_release(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    waves.cancel_wave(company.open_wave(), OPENS)
    rewritten = []
    monkeypatch.setattr(erasure, "leave_no_trace", lambda: rewritten.append(True))
    assert forget_due(OPENS + DAYS * DAY, DAYS) == 1
    assert rewritten == [True]


def test_mail_that_may_still_leave_is_not_forgotten(company: Company) -> None:
    outbox.queue(outbox.SIGN_IN, [company.alice.id], OPENS, expires_at=OPENS + 900)
    company.open_wave()
    sending.deliver(OPENS - 1, compose, Post())
    forget_due(OPENS, 0)
    assert Message.select().count() == 60


@pytest.mark.sqlite
def test_a_forgotten_invitation_keeps_nothing_but_its_wave_its_group_and_whether_it_was_answered(
    company: Company, settings: Settings
) -> None:
    company.released_wave()
    forget_due(OPENS + 999 * DAY, DAYS)
    with closing(sqlite3.connect(settings.home_folder / "espejo.sqlite3")) as raw:
        rows = set(raw.execute("SELECT wave_id, person_id, providers, answered FROM invitation"))
        with pytest.raises(sqlite3.OperationalError, match="rowid"):  # it would be the number of the person
            raw.execute("SELECT rowid FROM invitation")
    assert rows == {(1, None, "", 1)}


def test_the_link_of_a_forgotten_invitation_still_says_received(
    company: Company, client: FlaskClient, settings: Settings
) -> None:
    company.released_wave()
    forget_due(OPENS + 999 * DAY, DAYS)
    link = f"/r/{invitation_token(Invitation.select().first().id, settings)}"
    assert "Already received" in client.get(link, headers={"Accept-Language": "en"}).text


@pytest.mark.sqlite
def test_after_forgetting_no_file_says_whose_an_invitation_was(company: Company, settings: Settings) -> None:
    """SQLite writes the columns of a row side by side: id, wave (a 1 takes no byte), person, group."""
    wave = company.open_wave()
    charlies = Invitation.get(Invitation.person == company.charlie)
    company.close_wave(wave)
    together = charlies.id.encode() + bytes([company.charlie.id])
    assert (wave.id, charlies.client_group_id == company.charlie.id) == (1, False)
    assert together in bytes_on_disk(settings)
    forget_due(OPENS + 999 * DAY, DAYS)
    assert together not in bytes_on_disk(settings)
    assert charlies.id.encode() in bytes_on_disk(settings)


# A person who asks to be forgotten


@pytest.mark.sqlite
@pytest.mark.parametrize("who", ["charlie", "alice", "hanna", "adam"])
def test_no_byte_of_an_erased_person_is_in_any_file(company: Company, settings: Settings, who: str) -> None:
    """Charlie has mail in the queue, Alice leads Finance, Hanna is HR, Adam runs the server; all refuse mail."""
    company.released_wave()
    company.open_wave()
    person = getattr(company, who)
    Bounce.create(person=person, email=person.email, reply=f"550 <{person.email}> no such user")
    assert found_of(person, settings)
    assert erase(person.email)
    assert found_of(person, settings) == []


def test_everything_that_names_a_person_is_known_to_erasure() -> None:
    naming = {table for table in TABLES for field in table._meta.sorted_fields if _names_a_person(field)}
    mail = {Message, Bounce, Subscription}
    assert naming == mail | {Leadership, Invitation, Upload, RosterFile, LeadView, Hindrance}


def _names_a_person(field: object) -> bool:
    return isinstance(field, ForeignKeyField) and field.rel_model is Person


def test_erasing_takes_leadership_and_queued_mail_along(company: Company) -> None:
    company.open_wave()
    alice = company.alice.id
    erase(company.alice.email)
    assert not Leadership.select().where(Leadership.person == alice).exists()
    assert not Message.select().where(Message.person == alice).exists()
    assert not Person.select().where(Person.id == alice).exists()
    assert sending.deliver(OPENS, compose, Post()) == {"sent": 58}


def test_erasing_keeps_every_release(company: Company) -> None:
    company.released_wave()
    company.released_wave()
    kept = [release.digest for release in Release.select()]
    erase(company.charlie.email)
    assert [release.digest for release in Release.select()] == kept
    assert releases.altered() == []


@pytest.mark.parametrize("spelt", ["CHARLIE@mirror.example", "  charlie@Mirror.Example "])
def test_an_address_is_found_however_it_is_spelt(company: Company, spelt: str) -> None:
    assert erase(spelt)


@pytest.mark.parametrize("email", ["nobody@mirror.example", "", "%", "charlie", "charlie@mirror.exampl"])
def test_an_unknown_address_erases_nobody(company: Company, email: str) -> None:
    assert not erase(email)
    assert Person.select().count() == 61


def test_a_second_erasure_says_that_nobody_is_there(company: Company) -> None:
    assert [erase(company.charlie.email) for _ in range(2)] == [True, False]


def test_others_stay_as_they_were(company: Company) -> None:
    company.open_wave()
    before = set(Person.select().tuples())
    erase(company.charlie.email)
    assert {row[0] for row in before - set(Person.select().tuples())} == {company.charlie.id}
    assert Invitation.select().where(Invitation.person.is_null()).count() == 1


def test_the_link_of_an_erased_person_works_until_the_wave_closes(
    company: Company, client: FlaskClient, settings: Settings
) -> None:
    company.open_wave()
    charlies = Invitation.get(Invitation.person == company.charlie)
    address = f"/r/{invitation_token(charlies.id, settings)}"
    erase(company.charlie.email)
    assert client.get(address).status_code == 200
    assert client.post(address, data={f"p{charlies.providers.split()[0]}-overall": "4"}).status_code == 200
    assert Rating.select().count() == 1


def test_a_wave_from_which_somebody_was_erased_closes_and_reminds(company: Company) -> None:
    wave = company.open_wave()
    erase(company.charlie.email)
    assert waves.remind_due(OPENS + 4 * DAY) == 1
    company.answer(wave)
    assert [closed.id for closed in waves.close_due(wave.closes_at)] == [wave.id]
    assert turnout.whole_participation(turnout.participation(Wave.get_by_id(wave.id))).answered == 59


# When the files cannot be rewritten at once


def close_somehow(company: Company, wave: Wave) -> None:
    company.close_wave(wave)


def forget_somehow(company: Company, wave: Wave) -> None:
    with pytest.raises(OperationalError):
        forget_due(OPENS + 999 * DAY, DAYS)


def erase_somehow(company: Company, wave: Wave) -> None:
    with pytest.raises(OperationalError):
        erase(company.charlie.email)


@pytest.mark.sqlite
@pytest.mark.parametrize("deed", [close_somehow, forget_somehow, erase_somehow])
def test_what_could_not_be_rewritten_is_rewritten_by_the_clock(
    company: Company, settings: Settings, clockwork: Clockwork, deed: Callable[[Company, Wave], None]
) -> None:
    wave = company.open_wave()
    if deed is not close_somehow:
        company.close_wave(wave)
    with somebody_reads(settings):
        deed(company, wave)
        assert not Release.get().rewritten
    clockwork.forget(OPENS)
    assert Release.get().rewritten


@pytest.mark.sqlite
def test_a_rewrite_that_fails_again_stays_due(company: Company, settings: Settings, clockwork: Clockwork) -> None:
    wave = company.open_wave()
    with somebody_reads(settings):
        company.close_wave(wave)
        with pytest.raises(OperationalError):
            clockwork.forget(OPENS)
        assert not Release.get().rewritten
    clockwork.forget(OPENS)
    assert Release.get().rewritten


@pytest.mark.sqlite
def test_an_erasure_that_could_not_rewrite_leaves_no_byte_after_the_clock(
    company: Company, settings: Settings, clockwork: Clockwork
) -> None:
    company.released_wave()
    with somebody_reads(settings):
        erase_somehow(company, Wave.get())
        assert found_of(company.charlie, settings)
    clockwork.forget(OPENS)
    assert found_of(company.charlie, settings) == []


@pytest.mark.sqlite
def test_before_the_first_release_an_erasure_that_could_not_rewrite_is_repeated(
    company: Company, settings: Settings
) -> None:
    with somebody_reads(settings):
        erase_somehow(company, Wave.get())
        assert found_of(company.charlie, settings)
    assert not erase(company.charlie.email)
    assert found_of(company.charlie, settings) == []


def test_without_anything_to_rewrite_the_clock_leaves_the_files_alone(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.released_wave()
    monkeypatch.setattr(erasure, "leave_no_trace", lambda: pytest.fail("rewritten for nothing"))
    assert not erasure.rewrite_due()


@pytest.fixture
def clockwork(app: object, settings: Settings) -> Clockwork:
    return Clockwork(app, settings)  # type: ignore[arg-type]
