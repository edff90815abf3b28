"""One whole pulse on PostgreSQL: the same code, another database."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Barrier
from urllib.parse import urlsplit

import pytest
import time_machine
from peewee import PostgresqlDatabase
from playhouse.migrations import Runner

from survey import (
    commitments,
    create_app,
    deliveries,
    erasure,
    leases,
    matrices,
    outbox,
    pulses,
    releases,
    replanning,
    results,
    sending,
    staffing,
    transport,
    turnout,
    waves,
)
from survey.database import MIGRATIONS, bind, leave_no_trace, open_database, pending_migrations, upgrade
from survey.measure.scale import ITEMS
from survey.models import (
    TABLES,
    UNORDERED,
    Bounce,
    Comment,
    Commitment,
    Invitation,
    Leadership,
    Lease,
    Message,
    Person,
    Pulse,
    Rating,
    Release,
    Reminder,
    Wave,
    database,
)
from survey.pulses import add_pulse
from survey.responses import Answer, Outcome, accept
from survey.scheduler import Clock, Clockwork, present
from survey.settings import Settings
from tests.cast import DAY, OPENS, Company, K, all_fours, asked_by
from tests.engines import administer, fresh_database, settings_in
from tests.test_outbox import Post, compose, raises
from tests.test_releases import at_random, customers_say

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(server: str, tmp_path: Path) -> Iterator[Settings]:
    with fresh_database(server) as address:
        settings = settings_in(tmp_path, database_url=address)
        open_database(settings)
        yield settings


@pytest.fixture
def company(settings: Settings) -> Company:
    with database.atomic():
        return Company()


def test_the_tables_are_those_of_the_models(settings: Settings) -> None:
    assert isinstance(database.obj, PostgresqlDatabase)
    assert {table._meta.table_name for table in TABLES} <= set(database.get_tables())
    assert (pending_migrations(), upgrade(settings)) == ([], [])


def test_the_database_of_a_test_that_fails_is_dropped_as_well(server: str) -> None:
    with pytest.raises(InterruptedError) as failed, fresh_database(server) as address:
        raise InterruptedError(urlsplit(address).path.strip("/"))
    with closing(administer(server)) as admin:
        there = [name for (name,) in admin.execute_sql("SELECT datname FROM pg_database")]
    assert str(failed.value).startswith("espejo_test_")
    assert str(failed.value) not in there


def test_processes_that_start_at_once_upgrade_once(server: str, tmp_path: Path) -> None:
    with fresh_database(server) as address:
        settings = settings_in(tmp_path, database_url=address)
        bind(settings)
        with ThreadPoolExecutor(4) as threads:
            applied = list(threads.map(lambda _: upgrade(settings), range(4)))
    assert sorted(map(bool, applied)) == [False, False, False, True]


def test_a_whole_pulse(company: Company, settings: Settings) -> None:
    customers_say(company, "Sales", 95, Wave.get().local_date)
    first = company.released_wave(at_random(1))
    summaries = {"sent": 4, "dropped": 59}  # of two leads, HR and the administrator
    assert sending.deliver(first.closed_at, compose, Post()) == summaries
    wave = company.open_wave()
    assert sending.deliver(wave.opens_at, compose, Post()) == {"sent": 59}
    company.answer(wave, at_random(2), share=0.5)
    assert waves.remind_due(wave.opens_at + 4 * DAY) == 1
    assert (
        sending.deliver(wave.opens_at + 4 * DAY, compose, Post())["sent"]
        == Message.select().where(Message.kind == outbox.REMINDER).count()
    )
    company.answer(wave, at_random(3))
    assert [closed.id for closed in waves.close_due(wave.closes_at)] == [wave.id]
    assert releases.altered() == []
    assert [released.id for released in releases.released_waves()] == [wave.id, first.id]
    rows = json.loads("".join(results.as_json(wave)))
    assert {row["provider"] for row in rows} == set(company.departments)
    assert {row["outside"] for row in rows if row["provider"] == "Sales" and row["item"] == "overall"} == {95, None}
    assert any(row["change"] is not None for row in rows)
    assert Wave.select().where(Wave.state == "planned").count() == 1


def test_the_same_answers_give_the_same_release_as_on_sqlite(company: Company) -> None:
    found = matrices.by_department([company.released_wave(all_fours)], "overall")
    assert {shown.mean for shown in found.cells.values()} == {75}
    assert found.company is not None
    assert found.company.distribution == (0, 0, 0, 100, 0)


def test_sixteen_posts_at_the_same_time_store_one_response(company: Company) -> None:
    invitation = Invitation.get(Invitation.wave == company.open_wave())
    provider = int(invitation.providers.split()[0])
    together = Barrier(16)

    def post(_: int) -> Outcome:
        with database.connection_context():
            together.wait()
            return accept(asked_by(invitation.id), [all_fours(provider)])

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(post, range(16)))
    assert sorted(outcomes) == [Outcome.ALREADY] * 15 + [Outcome.STORED]
    assert Rating.select().count() == 1


def test_answers_while_the_wave_closes_are_counted_or_refused(company: Company) -> None:
    wave = company.open_wave()
    invitations = list(Invitation.select().where(Invitation.wave == wave))
    together = Barrier(9)

    def post(lane: int) -> list[Outcome]:
        with database.connection_context():
            together.wait()
            return [
                accept(asked_by(found.id), [Answer(int(found.providers.split()[0]), {"overall": 4})])
                for found in invitations[lane::8]
            ]

    def close() -> bool:
        with database.connection_context():
            together.wait()
            return waves.close_wave(wave, wave.closes_at)

    with ThreadPoolExecutor(9) as threads:
        lanes = [threads.submit(post, lane) for lane in range(8)]
        closed = threads.submit(close)
        outcomes = [outcome for lane in lanes for outcome in lane.result()]
    assert closed.result()
    assert set(outcomes) <= {Outcome.STORED, Outcome.CLOSED}
    answered = Invitation.select().where(Invitation.answered).count()
    counted = turnout.whole_participation(turnout.participation(Wave.get_by_id(wave.id))).answered
    assert outcomes.count(Outcome.STORED) == answered == counted
    assert Rating.select().count() == 0


def test_processes_that_tick_at_once_open_and_close_once(company: Company) -> None:
    together = Barrier(4)

    def tick(step: int) -> int:
        with database.connection_context():
            together.wait()
            opened = len(waves.open_due(OPENS, K))
            together.wait()
            return opened + len(waves.close_due(OPENS + 20 * DAY))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(tick, range(4))) == 2
    assert Message.select().where(Message.kind == outbox.INVITATION).count() == 59
    assert Message.select().where(Message.kind == outbox.SUMMARY).count() == 2


def test_while_hr_changes_a_pulse_its_wave_opens_as_it_stands_or_not_at_all(company: Company) -> None:
    """Openings, a move, a skip, days off and a pause, all at once: none waits for another in a ring."""
    together = Barrier(6)

    def all_at_once(pulse: Pulse) -> None:
        wave = Wave.get(Wave.pulse == pulse)
        deeds = [
            *[lambda: waves.open_due(OPENS, K)] * 2,
            lambda: replanning.move(pulse, wave.id, date(2026, 3, 4), OPENS),
            lambda: replanning.skip(pulse, wave.id, OPENS),
            lambda: replanning.add_blackout(pulse, date(2026, 3, 2), date(2026, 6, 2), OPENS),
            lambda: replanning.pause(pulse),
        ]

        def attempt(deed: Callable[[], object]) -> None:
            with database.connection_context(), suppress(pulses.PulseError):
                together.wait()
                deed()

        with ThreadPoolExecutor(len(deeds)) as threads:
            list(threads.map(attempt, deeds))

    waves.open_due(OPENS, K)
    for number in range(15):
        pulse = pulses.add_pulse(f"pulse-{number}", "quarterly", date(2026, 3, 2), "Europe/Madrid")
        all_at_once(pulse)
        assert Pulse.get_by_id(pulse.id).state == "paused"
        found = list(Wave.select().where(Wave.pulse == pulse).order_by(Wave.id))
        assert {wave.state for wave in found} <= {"open", "cancelled"}
        assert len({wave.occurrence for wave in found}) == len({wave.local_date for wave in found}) == len(found)
        for wave in found:
            invited = Invitation.select().where(Invitation.wave == wave).count()
            assert (wave.state, wave.local_date, invited) in [
                ("open", date(2026, 3, 2), 59),
                ("cancelled", wave.local_date, 0),
            ]
        replanning.resume(pulse, OPENS)
        assert len(pulses.coming(Pulse.get_by_id(pulse.id), 4, OPENS)) == 4


def test_two_processes_that_plan_at_once_plan_one_wave(company: Company) -> None:
    Reminder.delete().execute()
    Wave.delete().execute()
    together = Barrier(4)

    def plan(_: int) -> bool:
        with database.connection_context():
            together.wait()
            return pulses.plan_next(company.pulse) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(plan, range(4))) == [False, False, False, True]
    assert Wave.select().count() == 1


def test_a_promise_that_two_processes_store_at_once_is_made_once(company: Company) -> None:
    wave, finance = company.released_wave(), company.departments["Finance"]
    draft = commitments.Draft("promises", "Answer within two days", date(2026, 4, 1))
    together = Barrier(4)

    def promise(_: int) -> bool:
        with database.connection_context(), suppress(commitments.CommitmentError):
            together.wait()
            commitments.make(wave, finance, draft, date(2026, 3, 20))
            return True
        return False

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(promise, range(4))) == [False, False, False, True]
    assert Commitment.select().count() == 1


def test_two_who_take_each_others_role_away_at_once_leave_one_of_hr(company: Company) -> None:
    hugo = Person.create(email="hugo@mirror.example", name="Hugo", language="es", role="hr")
    shown = {one: staffing.standing_of(one) for one in (company.hanna, hugo)}
    together = Barrier(2)

    def take_role_away(person: Person, by: Person) -> bool:
        seen = staffing.fingerprint((person.email, shown[person]))
        with database.connection_context(), suppress(staffing.StaffRefusal):
            together.wait()
            staffing.change_person(person, replace(shown[person], role=""), person.email, seen, by)
            return True
        return False

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(take_role_away, [hugo, company.hanna], [company.hanna, hugo])) == [False, True]
    assert Person.select().where(Person.role == "hr").count() == 1


def test_two_pulses_that_two_processes_open_at_once_ask_nobody_twice(company: Company) -> None:
    add_pulse("other", "quarterly", date(2026, 3, 2), "Europe/Madrid")
    both = list(Wave.select().where(Wave.opens_at == OPENS))
    together = Barrier(2)

    def open_one(wave: Wave) -> bool:
        with database.connection_context():
            together.wait()
            return waves.open_wave(wave, OPENS, K, 14)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(open_one, both)) == [False, True]
    assert Invitation.select().count() == 59
    assert {(wave.state, wave.left_out) for wave in Wave.select().where(Wave.opens_at == OPENS)} == {
        ("open", 0),
        ("cancelled", 59),
    }


def test_of_two_processes_that_want_the_lease_one_gets_it(settings: Settings) -> None:
    together = Barrier(8)

    def hold(number: int) -> bool:
        with database.connection_context():
            together.wait()
            return leases.hold(f"host:{number}", OPENS)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(hold, range(8))) == [False] * 7 + [True]


def test_the_time_is_that_of_the_database(settings: Settings) -> None:
    with time_machine.travel(OPENS, tick=False):
        assert present() > OPENS
    assert abs(present() - time.time()) < 60


def test_a_job_whose_connection_the_server_ends_has_a_new_one_the_next_time(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[int] = []

    def job(now: int) -> Counter[str]:
        with database.atomic():
            if not done:
                done.append(0)
                ((mine,),) = database.execute_sql("SELECT pg_backend_pid()").fetchall()
                with closing(administer(settings.database_url)) as admin:
                    admin.execute_sql("SELECT pg_terminate_backend(%s)", (mine,))
            done.append(Lease.select().count())
        return Counter()

    clock = Clock(Clockwork(create_app(settings), settings))
    clock._jobs["waves"] = job
    database.close()
    clock.run("waves")
    assert "No database for the job waves" in caplog.text
    clock.run("waves")
    assert done == [0, 1]


def test_two_senders_send_nothing_twice(company: Company) -> None:
    company.open_wave()
    first, second = Post(), Post()
    together = Barrier(2)

    def send(post: Post) -> None:
        with database.connection_context():
            together.wait()
            sending.deliver(OPENS, compose, post)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(send, (first, second)))
    assert len(first.taken) + len(second.taken) == len({*first.taken, *second.taken}) == 59


def test_a_claim_passes_by_what_another_sender_is_claiming(company: Company) -> None:
    """SKIP LOCKED: the second takes what is left, and waits for nobody."""
    company.open_wave()
    with ThreadPoolExecutor(1) as thread, database.atomic():
        first = {message.id for message in sending._claim("first", OPENS, 20)}
        second = thread.submit(claim_alone, "second").result(timeout=30)
    assert (len(first), len(second), first & second) == (20, 39, set())


def claim_alone(lease: str) -> set[int]:
    with database.connection_context():
        return {message.id for message in sending._claim(lease, OPENS, 50)}


def test_four_senders_keep_to_one_rate(company: Company) -> None:
    company.open_wave()
    together = Barrier(4)

    def send(_: int) -> int:
        with database.connection_context():
            together.wait()
            return sending.deliver(OPENS, compose, Post(), per_minute=10).total()

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(send, range(4))) == 10
    assert outbox.state_counts() == {"sent": 10, "pending": 49}


def test_a_database_of_before_keeps_its_mails(company: Company, settings: Settings) -> None:
    company.open_wave()
    kept = set(Message.select().tuples())
    Runner(database.obj, str(MIGRATIONS)).down("0005_mail_that_cannot_double")
    assert Message.select(Message.id).count() == 59
    assert "0005_mail_that_cannot_double" in upgrade(settings)
    assert set(Message.select().tuples()) == kept
    assert outbox.paused_since() is None


def test_a_refused_address_is_noted_renewed_and_erased(company: Company) -> None:
    for reply in ("550 no such user", "551 moved"):
        outbox.queue(outbox.SIGN_IN, [company.alice.id], OPENS)
        refusal = transport.Refused(reply, forever=True, address=True)
        sending.deliver(OPENS, compose, Post(raises(refusal)))
        assert [found.reply for found in deliveries.bounces()] == [reply]
    assert erasure.erase(company.alice.email)
    assert Bounce.select().count() == 0


# No trace


def order_on_disk(table: str) -> list[str]:
    return [key for (key,) in database.execute_sql(f'SELECT id FROM "{table}" ORDER BY ctid')]


def test_after_closing_rows_lie_in_the_order_of_their_random_ids(company: Company) -> None:
    company.released_wave(
        lambda provider: Answer(provider, dict.fromkeys(ITEMS, 4), comment="Bien", comment_kind="thanks")
    )
    for table in (Comment, Invitation):
        found = order_on_disk(table._meta.table_name)
        assert len(found) > 50
        assert found == sorted(found)


def test_after_closing_no_row_tells_which_transaction_an_answer_came_in(company: Company) -> None:
    wave = company.open_wave()
    for invitation in Invitation.select().where(Invitation.wave == wave).limit(20):
        accept(asked_by(invitation.id), [])
    assert len(set(database.execute_sql("SELECT xmin FROM invitation"))) > 20
    company.close_wave(wave)
    for table in UNORDERED:
        assert len(set(database.execute_sql(f'SELECT xmin, xmax FROM "{table._meta.table_name}"'))) <= 1


def test_after_closing_no_dead_row_is_left(company: Company) -> None:
    company.released_wave()
    for table in ("invitation", "rating", "comment"):
        pages, kept = database.execute_sql(f"SELECT pg_relation_size('{table}'), count(*) FROM \"{table}\"").fetchone()
        assert (pages == 0) is (kept == 0)


def test_leaving_no_trace_keeps_the_rows(company: Company) -> None:
    company.answer(company.open_wave())
    leave_no_trace()
    assert (Rating.select().count(), Person.select().count()) == (3 * 59, 61)


def samples() -> str:
    """All that the planner has sampled of our tables."""
    kept = "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats WHERE schemaname = 'public'"
    return str(database.execute_sql(kept).fetchall())


def test_the_planner_keeps_no_sample_of_addresses_nor_of_answers(company: Company) -> None:
    company.answer(company.open_wave(), at_random(1))
    database.execute_sql("ANALYZE")  # as autovacuum does by itself
    assert "diligence" not in samples()
    assert "mirror.example" not in samples()
    database.execute_sql("ALTER TABLE rating ALTER COLUMN answers SET STATISTICS -1")
    database.execute_sql("ANALYZE")
    assert "diligence" in samples()


def files_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_byte_of_an_erased_person_is_in_the_files_of_the_database(company: Company) -> None:
    """Of tables, indexes and catalogues. The write-ahead log keeps it until the server recycles it."""
    ((folder, number),) = database.execute_sql(
        "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
    ).fetchall()
    files, log = Path(folder) / "base" / str(number), Path(folder) / "pg_wal"
    if not files.is_dir():
        pytest.skip("the PostgreSQL that ESPEJO_TEST_DATABASE_URL names keeps its files elsewhere")
    company.released_wave()
    company.open_wave()
    database.execute_sql("ANALYZE")
    words = [company.alice.email.encode(), company.alice.name.encode()]
    database.execute_sql("CHECKPOINT")
    assert all(word in files_below(files) for word in words)
    kept = Release.get().digest
    assert erasure.erase(company.alice.email)
    database.execute_sql("CHECKPOINT")
    assert not any(word in files_below(files) for word in words)
    assert all(word in files_below(log) for word in words)
    assert (Release.get().digest, releases.altered()) == (kept, [])
    assert not Leadership.select().where(Leadership.person == company.alice.id).exists()
    assert not erasure.erase(company.alice.email)


def test_after_forgetting_no_order_says_whose_an_invitation_was(company: Company) -> None:
    wave = company.released_wave()
    assert wave.closed_at is not None
    people = dict(Invitation.select(Invitation.id, Invitation.person).tuples())
    assert erasure.forget_due(wave.closed_at, 0) == 1
    found = [people[key] for key in order_on_disk("invitation")]
    assert len(found) == 59
    assert found not in (sorted(found), sorted(found, reverse=True))
    assert Invitation.select().where(Invitation.person.is_null(False)).count() == 0
