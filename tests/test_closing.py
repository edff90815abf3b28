"""From ratings to a release: counted right, merged, and nothing left over."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask

from survey import closing, erasure, matrices, mirrors, progress, releases, responses, waves
from survey import database as database_module
from survey.measure.scale import COMMENT_KINDS, ITEMS
from survey.models import (
    Addition,
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Department,
    Invitation,
    Message,
    Person,
    Rated,
    Rating,
    Release,
    Tally,
    Wave,
    database,
)
from survey.pulses import add_pulse
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import OPENS, Company, K, all_fours, asked_by

SECRET = "Nobody shall ever read this sentence again"


def commented(provider: int) -> Answer:
    return Answer(provider, {"overall": 4}, comment=SECRET, comment_kind="complaint")


def only_a_comment(provider: int) -> Answer:
    return Answer(provider, {}, comment=SECRET, comment_kind="thanks")


def no_opinion_of_openness(provider: int) -> Answer:
    return Answer(provider, dict.fromkeys([item for item in ITEMS if item != "openness"], 3))


@pytest.mark.parametrize("at_once", [1, 50, 59, 1000])
def test_ratings_are_counted_in_steps_of_any_length(
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    at_once: int,
) -> None:
    """The log tells of whole steps alone: a number of ratings that is no multiple would tell of few people."""
    caplog.set_level("INFO", logger="survey.closing")
    monkeypatch.setattr(closing, "COUNTED_AT_ONCE", at_once)
    wave = company.open_wave()
    chance = random.Random(3)
    company.answer(wave, lambda provider: Answer(provider, {item: chance.randint(1, 5) for item in ITEMS}))
    ratings = Rating.select().count()
    expected = Counter(
        (rating.provider_id, item, score)
        for rating in Rating.select()
        for item, score in json.loads(rating.answers).items()
    )
    count = closing._count(wave)
    found = Counter(
        {
            (provider, item, score): n
            for (provider, item), groups in count.answers.items()
            for score, n in sum(groups.values(), Counter()).items()
        }
    )
    assert (found, count.raters.total()) == (expected, ratings)
    assert [record.args for record in caplog.records] == [
        (wave.id, at_once * (step + 1)) for step in range(ratings // at_once)
    ]


def at_random(seed: int) -> Callable[[int], Answer]:
    chance = random.Random(seed)

    def about(provider: int) -> Answer:
        scores = {item: chance.randint(1, 5) for item in ITEMS if chance.random() < 0.8}
        comment = chance.choice(["", "", "Bien", "Mal"])
        return Answer(provider, scores, "means", comment, chance.choice(COMMENT_KINDS) if comment else None)

    return about


def about_sales(company: Company, **raters: int) -> Wave:
    """A closed wave about Sales alone, in which so many people of each department answered (with all fours)."""
    company.ask_only_about("Sales")
    wave = company.open_wave()
    for client, people in raters.items():
        company.rate(wave, client, people)
    return company.close_wave(wave)


def members(group: int) -> frozenset[str]:
    query = ClientGroupDepartment.select(Department.name).join(Department)
    return frozenset(name for (name,) in query.where(ClientGroupDepartment.client_group == group).tuples())


def cells(wave: Wave, item: str = "overall") -> dict[frozenset[str], int]:
    """{client departments published together: answers on an item} of the one provider of a wave"""
    tallies = Tally.select().where(Tally.wave == wave, Tally.item == item)
    return {members(row.client_group_id): row.n1 + row.n2 + row.n3 + row.n4 + row.n5 for row in tallies}


FINANCE, LOGISTICS, POOL = frozenset({"Finance"}), frozenset({"Logistics"}), frozenset({"IT", "Legal"})


# Counting


@pytest.mark.parametrize("seed", range(2))
def test_tallies_are_what_a_recount_of_the_ratings_gives(company: Company, seed: int) -> None:
    wave = company.open_wave()
    company.answer(wave, at_random(seed), share=0.9)
    ratings = database.execute_sql("SELECT provider_id, client_group_id, answers FROM rating").fetchall()
    said = [(*place, *answer) for *place, answers in ratings for answer in json.loads(answers).items()]
    company.close_wave(wave)
    published = database.execute_sql(
        """
        SELECT tally.provider_id, asked.client_group_id, tally.client_group_id, item, n1, n2, n3, n4, n5
        FROM tally
        JOIN client_group_department AS shown ON shown.client_group_id = tally.client_group_id
        JOIN client_group_department AS asked ON asked.department_id = shown.department_id
        JOIN client_group ON client_group.id = asked.client_group_id AND client_group.provider_id IS NULL
        """
    ).fetchall()
    shown_as = {(provider, asked, item): shown for provider, asked, shown, item, *_ in published}
    expected = Counter(
        (provider, shown_as[provider, asked, item], item, score) for provider, asked, item, score in said
    )
    found = {
        (provider, shown, item, score): n
        for provider, _, shown, item, *counts in published
        for score, n in enumerate(counts, start=1)
        if n
    }
    assert found == dict(expected)
    assert len(found) > 100


def test_raters_are_the_people_with_a_score(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave, at_random(4))
    expected = Counter(provider for (provider,) in Rating.select(Rating.provider).tuples())
    company.close_wave(wave)
    assert releases.raters_of(wave) == expected


def test_participation_is_frozen_by_group(company: Company) -> None:
    wave = company.open_wave()
    company.rate(wave, "Finance", 7)
    company.rate(wave, "Legal", 1)
    company.close_wave(wave)
    asked = ClientGroup.select().where(ClientGroup.wave == wave, ClientGroup.provider.is_null())
    assert {members(group.id): group.answered for group in asked} == {
        FINANCE: 7,
        POOL: 1,
        LOGISTICS: 0,
        frozenset({"Sales"}): 0,
    }


# Groups


def test_groups_of_five_and_six_stand_alone(company: Company) -> None:
    assert cells(about_sales(company, Finance=5, Logistics=6)) == {FINANCE: 5, LOGISTICS: 6}


def test_a_group_of_four_takes_the_smallest_other_one_with_it(company: Company) -> None:
    assert cells(about_sales(company, Finance=4, Logistics=6)) == {FINANCE | LOGISTICS: 10}


def test_small_groups_that_are_five_together_leave_the_others_alone(company: Company) -> None:
    assert cells(about_sales(company, Finance=4, IT=1, Logistics=6)) == {FINANCE | POOL: 5, LOGISTICS: 6}


def test_a_provider_with_four_raters_publishes_nothing_and_its_answers_are_deleted(company: Company) -> None:
    wave = about_sales(company, Finance=3, Logistics=1)
    assert (cells(wave), Rated.select().count(), Rating.select().count()) == ({}, 0, 0)


def test_a_provider_with_five_raters_publishes(company: Company) -> None:
    wave = about_sales(company, Finance=3, Logistics=2)
    assert cells(wave) == {FINANCE | LOGISTICS: 5}
    assert Rated.get().raters == 5


def test_who_only_comments_is_no_rater(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Finance", 1, only_a_comment)
    assert cells(company.close_wave(wave)) == {}


def test_each_provider_merges_by_its_own_raters(company: Company) -> None:
    company.ask_only_about("Sales", "Legal")
    wave = company.open_wave()
    sales = company.departments["Sales"].id
    company.rate(wave, "Finance", 5)
    company.rate(wave, "Logistics", 5, lambda provider: Answer(provider, {"overall": 4} if provider == sales else {}))
    company.close_wave(wave)
    found = {(tally.provider.name, members(tally.client_group_id)) for tally in Tally.select()}
    assert found == {("Sales", FINANCE), ("Sales", LOGISTICS), ("Legal", FINANCE)}


def test_an_item_with_four_answers_in_a_group_takes_another_group_with_it(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Finance", 2, no_opinion_of_openness)
    company.rate(wave, "Logistics", 8)
    company.close_wave(wave)
    assert cells(wave, "overall") == {FINANCE: 6, LOGISTICS: 8}
    assert cells(wave, "openness") == {FINANCE | LOGISTICS: 12}
    assert matrices.by_department([wave], "openness").company.people == (10, 19)


def test_an_item_with_four_answers_in_all_is_dropped_and_enters_no_total(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Logistics", 8, no_opinion_of_openness)
    company.close_wave(wave)
    assert cells(wave, "overall") == {FINANCE | LOGISTICS: 12}
    assert cells(wave, "openness") == {}
    assert matrices.by_department([wave], "openness").company is None


def test_items_that_merge_alike_share_their_group_and_others_have_their_own(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Finance", 3, no_opinion_of_openness)
    company.rate(wave, "IT", 3)
    company.rate(wave, "Logistics", 8)
    company.close_wave(wave)
    assert cells(wave, "overall") == {FINANCE | POOL: 10, LOGISTICS: 8} or cells(wave, "overall") == {
        FINANCE: 7,
        LOGISTICS | POOL: 11,
    }
    assert cells(wave, "openness") == {FINANCE | POOL: 7, LOGISTICS: 8}
    others = ClientGroup.select().where(ClientGroup.provider.is_null(False)).count()
    assert others == len({frozenset(group) for item in ITEMS for group in cells(wave, item) if len(group) > 2})


def test_an_item_with_five_answers_in_a_group_is_kept(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 5)
    company.rate(wave, "Finance", 2, no_opinion_of_openness)
    assert cells(company.close_wave(wave), "openness") == {FINANCE: 5}


def test_what_is_missing_follows_the_same_rules(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4, lambda provider: Answer(provider, {"overall": 1}, missing="means"))
    company.rate(wave, "Finance", 1)
    company.rate(wave, "Logistics", 5, lambda provider: Answer(provider, {"overall": 2}, missing="both"))
    company.close_wave(wave)
    assert cells(wave) == {FINANCE: 5, LOGISTICS: 5}
    assert cells(wave, "missing") == {FINANCE | LOGISTICS: 9}


def test_the_waves_own_k_decides(company: Company) -> None:
    company.ask_only_about("Sales")
    waves.open_wave(Wave.get(), 0, 8)
    wave = Wave.get(Wave.state == "open")
    company.rate(wave, "Finance", 7)
    company.rate(wave, "Logistics", 8)
    assert cells(company.close_wave(wave)) == {FINANCE | LOGISTICS: 15}


# Comments


def test_nine_raters_are_too_few_for_comments(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9, commented)
    company.close_wave(wave)
    assert Comment.select().count() == 0


def test_from_ten_raters_on_comments_are_kept(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 10, commented)
    company.close_wave(wave)
    assert Comment.select().where(Comment.text == SECRET, Comment.kind == "complaint").count() == 10


def test_a_comment_without_scores_counts_towards_nothing(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9)
    company.rate(wave, "Finance", 3, only_a_comment)
    company.close_wave(wave)
    assert Comment.select().count() == 0


@pytest.mark.parametrize(("raters", "kept"), [(11, 0), (12, 12)])
def test_where_k_is_above_ten_comments_wait_for_it(company: Company, raters: int, kept: int) -> None:
    company.ask_only_about("Sales")
    waves.open_wave(Wave.get(), 0, 12)
    wave = Wave.get(Wave.state == "open")
    company.rate(wave, "Finance", raters, commented)
    company.close_wave(wave)
    assert Comment.select().count() == kept


def test_a_comment_has_no_group_no_score_and_no_time() -> None:
    assert {column.column_name for column in Comment._meta.sorted_fields} == {
        "id",
        "wave_id",
        "provider_id",
        "kind",
        "text",
    }


# Nothing is left over


def test_ratings_are_deleted(company: Company) -> None:
    assert company.released_wave().state == "closed"
    assert Rating.select().count() == 0


def test_ratings_and_comments_of_another_wave_stay(company: Company) -> None:
    first, other = company.open_wave(), add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    second = waves.open_now(other, OPENS, K)
    for wave in (first, second):
        company.rate(wave, "Finance", 9, commented)
    before = Comment.select().where(Comment.wave == second).count()
    company.close_wave(first)
    assert Comment.select().where(Comment.wave == first).count() == 0
    assert Comment.select().where(Comment.wave == second).count() == before > 0
    assert Rating.select().where(Rating.wave == second).count() == before


def bytes_on_disk(settings: Settings) -> bytes:
    return b"".join(path.read_bytes() for path in settings.home_folder.glob("espejo.sqlite3*"))


@pytest.mark.sqlite
def test_the_files_hold_no_bytes_of_a_rating_nor_of_a_dropped_comment(company: Company, settings: Settings) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9, commented)
    assert SECRET.encode() in bytes_on_disk(settings)
    assert b'{"overall": ' in bytes_on_disk(settings)
    ratings = [rating.id.encode() for rating in Rating.select()]
    company.close_wave(wave)
    found = bytes_on_disk(settings)
    assert SECRET.encode() not in found
    assert b'{"overall": ' not in found
    assert not any(key in found for key in ratings)


@pytest.mark.sqlite
def test_a_kept_comment_lies_in_the_files_once(company: Company, settings: Settings) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9)
    company.rate(wave, "Finance", 1, commented)
    company.close_wave(wave)
    assert bytes_on_disk(settings).count(SECRET.encode()) == 1


# The release


def adding(company: Company, wave: Wave, client: str, people: int, provider: str) -> None:
    """Let `people` of `client` add `provider`, and say nothing of those they were asked about."""
    asked = (
        Invitation.select()
        .join(Person)
        .where(Invitation.wave == wave, ~Invitation.answered, Person.department == company.departments[client])
    )
    for invitation in asked.limit(people):
        responses.accept(asked_by(invitation.id), [all_fours(company.departments[provider].id)])


def additions(wave: Wave) -> dict[tuple[frozenset[str], str], int]:
    """{(client departments, provider): people}"""
    names = {department.id: department.name for department in Department.select()}
    found = Addition.select().where(Addition.wave == wave)
    return {(members(row.client_group_id), names[row.provider_id]): row.people for row in found}


def test_how_many_added_a_provider_is_kept_of_groups_where_k_did(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    adding(company, wave, "Finance", 5, "Legal")
    adding(company, wave, "Logistics", 4, "Legal")
    adding(company, wave, "Logistics", 6, "Finance")
    adding(company, wave, "IT", 2, "Logistics")
    adding(company, wave, "Legal", 3, "Logistics")
    company.rate(wave, "Finance", 5)
    closed = company.close_wave(wave)
    assert additions(closed) == {(FINANCE, "Legal"): 5, (LOGISTICS, "Finance"): 6, (POOL, "Logistics"): 5}
    assert releases.added([closed]) == [
        releases.Added(
            company.departments[provider].id, frozenset(company.departments[name].id for name in clients), (5, 9)
        )
        for clients, provider in [(LOGISTICS, "Finance"), (POOL, "Logistics"), (FINANCE, "Legal")]
    ]


def test_answers_about_an_added_provider_count_like_all_others(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    adding(company, wave, "Finance", 6, "Legal")
    closed = company.close_wave(wave)
    assert cells(closed) == {FINANCE: 6}
    assert releases.raters_of(closed) == {company.departments["Legal"].id: 6}


def test_of_a_cancelled_wave_nothing_tells_what_was_added(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    adding(company, wave, "Finance", 6, "Legal")
    waves.cancel_wave(wave, wave.opens_at + 1)
    assert not Addition.select().exists()
    assert not Rating.select().exists()


def test_what_was_added_is_part_of_the_release(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    adding(company, wave, "Finance", 6, "Legal")
    closed = company.close_wave(wave)
    told = json.loads(closing.document(closed))["additions"]
    finance, legal = company.departments["Finance"].id, company.departments["Legal"].id
    assert told == [{"provider": legal, "clients": [finance], "people": 6}]
    Addition.update(people=7).execute()
    assert releases.altered() == [closed]


def test_where_nobody_added_anything_the_release_does_not_speak_of_it(company: Company) -> None:
    assert "additions" not in json.loads(closing.document(company.released_wave()))


def test_the_digest_is_the_sha256_of_the_document(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    assert Release.get(Release.wave == wave).digest == hashlib.sha256(closing.document(wave)).hexdigest()


def test_the_document_is_the_same_whenever_it_is_made(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    assert closing.document(wave) == closing.document(Wave.get_by_id(wave.id))


def test_the_document_holds_every_tally(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    held = json.loads(closing.document(wave))["tallies"]
    assert sum(sum(tally["counts"]) for tally in held) == sum(
        tally.n1 + tally.n2 + tally.n3 + tally.n4 + tally.n5 for tally in Tally.select()
    )


def test_an_untouched_release_is_not_altered(company: Company) -> None:
    about_sales(company, Finance=5)
    assert releases.altered() == []


def one_answer_more() -> None:
    Tally.update(n4=Tally.n4 + 1).where(Tally.item == "overall").execute()


def one_answer_moved() -> None:
    Tally.update(n4=Tally.n4 - 1, n5=Tally.n5 + 1).where(Tally.item == "overall", Tally.n4 > 0).execute()


@pytest.mark.parametrize(
    "change",
    [
        one_answer_more,
        one_answer_moved,
        lambda: Tally.delete().where(Tally.item == "overall").execute(),
        lambda: Rated.update(raters=Rated.raters + 1).execute(),
        lambda: ClientGroup.update(answered=0).execute(),
        lambda: Release.update(digest="0" * 64).execute(),
    ],
)
def test_a_release_that_was_changed_is_found(company: Company, change: Callable[[], Any]) -> None:
    wave = about_sales(company, Finance=5)
    change()
    assert [found.id for found in releases.altered()] == [wave.id]


# All or nothing


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (closing, "_count"),
        (closing, "_store_raters"),
        (closing, "_store_tallies"),
        (closing, "_keep_comments"),
        (closing, "digest"),
    ],
)
def test_a_closing_that_fails_midway_counts_nothing_and_is_done_again(
    company: Company, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    wave = company.open_wave()
    company.answer(wave, share=0.3)
    before = set(Rating.select().tuples())

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(module, step, fails)
        with pytest.raises(RuntimeError):
            waves.close_wave(wave, wave.closes_at)
    assert Wave.get_by_id(wave.id).state == "closing"
    assert set(Rating.select().tuples()) == before
    assert not any(table.select().exists() for table in (Rated, Tally, Release))
    assert not Message.select().where(Message.kind == "summary").exists()
    assert waves.finish_due(wave.opens_at) == [wave]  # what has begun is finished, whenever the wave was to close


@pytest.mark.parametrize(
    ("module", "step"), [(closing, "_forget_answers"), (mirrors, "forget"), (waves.outbox, "queue")]
)
def test_a_closing_that_fails_while_it_deletes_tells_nothing_yet(
    company: Company, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    wave = company.open_wave()
    company.answer(wave)
    with monkeypatch.context() as patched:
        patched.setattr(module, step, Mock(side_effect=RuntimeError("the disk is full")))
        with pytest.raises(RuntimeError):
            waves.close_wave(wave, wave.closes_at)
    counted = Release.get().digest
    assert releases.released_waves() == []
    assert not erasure.rewrite_due()  # before all is deleted there is nothing to rewrite
    assert waves.finish_due(wave.opens_at) == [wave]
    assert Release.get().digest == counted == closing.digest(wave)
    assert releases.released_waves() == [wave]
    assert not Rating.select().exists()


def test_two_that_close_a_wave_at_once_count_it_once(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one stores and deletes while this one counts, and so reads a part of the ratings only."""
    wave = company.open_wave()
    company.answer(wave)
    count = closing._count

    def meanwhile(counted: Wave) -> closing.Count:
        monkeypatch.setattr(closing, "_count", count)
        assert waves.close_wave(wave, wave.closes_at)
        return count(counted)

    monkeypatch.setattr(closing, "_count", meanwhile)
    assert not waves.close_wave(wave, wave.closes_at)
    assert Release.get().digest == closing.digest(wave)
    assert sum(n for _, n in Rated.select(Rated.provider, Rated.raters).tuples()) > 0
    assert Message.select().where(Message.kind == "summary").exists()


def test_others_answer_and_read_while_a_wave_closes(
    company: Company, settings: Settings, app: Flask, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the closing tells how far it is, somebody answers another wave, and HR reads; nothing is told yet."""
    add_pulse("other", "quarterly", company.pulse.first_date, "Europe/Madrid")
    wave, other = waves.open_due(OPENS, K)
    company.answer(wave)
    left = iter(list(Invitation.select().where(Invitation.wave == other)))
    database.close()
    outcomes: list[tuple[str, str, bool]] = []
    tell, hanna = progress.tell, sign_in(company.hanna)

    def others(wave: Wave, state: str, share: float) -> None:
        tell(wave, state, share)
        with ThreadPoolExecutor(1) as thread:  # with a connection of its own, as another request has
            thread.submit(answer_and_read).result()

    def answer_and_read() -> None:
        with database.connection_context():
            invitation = next(left)
            stored = responses.accept(
                asked_by(invitation.id), [Answer(int(invitation.providers.split()[0]), {"overall": 1})]
            )
            late = responses.accept(asked_by(Invitation.get(Invitation.wave == wave).id), [])
            told = bool(releases.released_waves())
        assert "the answers are being counted" in hanna.get("/hr/pulses").text
        outcomes.append((stored, late, told))

    monkeypatch.setattr(progress, "tell", others)
    monkeypatch.setattr(closing, "COUNTED_AT_ONCE", 50)
    monkeypatch.setattr(database_module, "CHANGED_AT_ONCE", 20)
    with database.connection_context():
        ratings = Rating.select().where(Rating.wave == wave).count()
        assert waves.close_wave(wave, wave.closes_at)
        assert len(outcomes) == 2 * (ratings // 50) > 2
        assert set(outcomes) == {(responses.Outcome.STORED, responses.Outcome.ALREADY, False)}
        assert Rating.select().where(Rating.wave == other).count() == len(outcomes)
        assert releases.altered() == []


def test_a_release_that_was_deleted_is_found(company: Company) -> None:
    wave = company.released_wave()
    Release.delete().execute()
    assert [found.id for found in releases.altered()] == [wave.id]
