"""From responses to a release: counted right, merged, parted, and nothing left over."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from survey import closing, releases, waves
from survey.measure.scale import COMMENT_KINDS, ITEMS
from survey.models import (
    Cell,
    ClientGroup,
    ClientGroupDepartment,
    Comment,
    Department,
    Invitation,
    Message,
    Rating,
    Release,
    Response,
    Tally,
    Wave,
    database,
)
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import Company, K

SECRET = "Nobody shall ever read this sentence again"


def commented(provider: int) -> Answer:
    return Answer(provider, {"overall": 4}, comment=SECRET, comment_kind="complaint")


def only_a_comment(provider: int) -> Answer:
    return Answer(provider, {}, comment=SECRET, comment_kind="thanks")


def no_opinion_of_openness(provider: int) -> Answer:
    return Answer(provider, dict.fromkeys([item for item in ITEMS if item != "openness"], 3))


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


def cells(wave: Wave) -> dict[frozenset[str], int]:
    """{client departments published together: raters} of the one provider of a wave"""
    rows = Cell.select(Cell.client_group, Cell.raters).where(Cell.wave == wave).tuples()
    return {members(group): raters for group, raters in rows}


def answers_by_clients(wave: Wave, item: str) -> dict[frozenset[str], int]:
    """{client departments: answers on an item}"""
    tallies = Tally.select(Tally, Cell).join(Cell).where(Cell.wave == wave, Tally.item == item)
    return {members(row.cell.client_group_id): row.n1 + row.n2 + row.n3 + row.n4 + row.n5 for row in tallies}


FINANCE, LOGISTICS, POOL = frozenset({"Finance"}), frozenset({"Logistics"}), frozenset({"IT", "Legal"})


# Counting


@pytest.mark.parametrize("seed", range(2))
def test_tallies_are_what_a_recount_of_the_payloads_gives(company: Company, seed: int) -> None:
    wave = company.open_wave()
    company.answer(wave, at_random(seed), share=0.9)
    recount = Counter[tuple[Any, ...]]()
    said = database.execute_sql(
        """
        SELECT json_extract(about.value, '$.provider'), response.client_group_id, answer.key, answer.value
        FROM response, json_each(payload) AS about, json_each(about.value, '$.answers') AS answer
        """
    ).fetchall()
    company.close_wave(wave)
    published = database.execute_sql(
        """
        SELECT cell.provider_id, asked.client_group_id, cell.client_group_id, item, n1, n2, n3, n4, n5
        FROM tally JOIN cell ON cell.id = tally.cell_id
        JOIN client_group_department AS shown ON shown.client_group_id = cell.client_group_id
        JOIN client_group_department AS asked ON asked.department_id = shown.department_id
        JOIN client_group ON client_group.id = asked.client_group_id AND client_group.provider_id IS NULL
        """
    ).fetchall()
    shown_as = {(provider, asked): shown for provider, asked, shown, *_ in published}
    recount.update((provider, shown_as.get((provider, group)), item, score) for provider, group, item, score in said)
    expected = Counter[tuple[Any, ...]]()
    for (provider, group, item, score), n in recount.items():
        if sum(recount[provider, group, item, other] for other in range(1, 6)) >= K and group is not None:
            expected[provider, group, item, score] = n
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
    expected = Counter(
        about["provider"]
        for response in Response.select()
        for about in json.loads(response.payload)
        if about["answers"]
    )
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
    assert (cells(wave), Rating.select().count(), Response.select().count()) == ({}, 0, 0)


def test_a_provider_with_five_raters_publishes(company: Company) -> None:
    wave = about_sales(company, Finance=3, Logistics=2)
    assert cells(wave) == {FINANCE | LOGISTICS: 5}
    assert Rating.select().count() == 5


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
    found = {(cell.provider.name, members(cell.client_group_id)) for cell in Cell.select()}
    assert found == {("Sales", FINANCE), ("Sales", LOGISTICS), ("Legal", FINANCE)}


def test_an_item_with_four_answers_in_a_group_is_dropped_there_and_from_every_total(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Finance", 2, no_opinion_of_openness)
    company.rate(wave, "Logistics", 8)
    company.close_wave(wave)
    assert answers_by_clients(wave, "overall") == {FINANCE: 6, LOGISTICS: 8}
    assert answers_by_clients(wave, "openness") == {LOGISTICS: 8}
    assert releases.company_figures(wave)["openness"].people == (5, 9)


def test_an_item_with_five_answers_in_a_group_is_kept(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 5)
    company.rate(wave, "Finance", 2, no_opinion_of_openness)
    assert answers_by_clients(company.close_wave(wave), "openness") == {FINANCE: 5}


def test_what_is_missing_follows_the_same_rules(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 4, lambda provider: Answer(provider, {"overall": 1}, missing="means"))
    company.rate(wave, "Finance", 1)
    company.rate(wave, "Logistics", 5, lambda provider: Answer(provider, {"overall": 2}, missing="both"))
    assert answers_by_clients(company.close_wave(wave), "missing") == {LOGISTICS: 5}


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


def test_ratings_share_no_id_with_responses_or_invitations(company: Company) -> None:
    wave = company.open_wave()
    company.answer(wave, at_random(1))
    known = {row.id for table in (Response, Invitation) for row in table.select()}
    company.close_wave(wave)
    new = {row.id for table in (Rating, Comment) for row in table.select()}
    assert len(new) > 100
    assert not new & known


def test_ratings_of_one_person_are_not_side_by_side(company: Company) -> None:
    """Each person gives all its providers one and the same score; neighbours would show it."""
    wave = company.open_wave()
    people = iter(range(10**6))
    company.answer(wave, lambda provider: Answer(provider, {"overall": 1 + next(people) // 3 % 5}))
    company.close_wave(wave)
    scores = [rating.answers for rating in Rating.select()]
    alike = sum(first == second for first, second in pairwise(scores))
    assert alike < len(scores) / 2  # by chance a fifth


def test_responses_are_deleted(company: Company) -> None:
    assert company.released_wave().state == "closed"
    assert Response.select().count() == 0


def bytes_on_disk(settings: Settings) -> bytes:
    return b"".join(path.read_bytes() for path in settings.home_folder.glob("espejo.sqlite3*"))


def test_the_files_hold_no_bytes_of_a_response_nor_of_a_dropped_comment(company: Company, settings: Settings) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9, commented)
    assert SECRET.encode() in bytes_on_disk(settings)
    assert b'[{"provider": ' in bytes_on_disk(settings)
    responses = [response.id.encode() for response in Response.select()]
    company.close_wave(wave)
    found = bytes_on_disk(settings)
    assert SECRET.encode() not in found
    assert b'{"provider": ' not in found
    assert not any(key in found for key in responses)


def test_a_kept_comment_lies_in_the_files_once(company: Company, settings: Settings) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 9)
    company.rate(wave, "Finance", 1, commented)
    company.close_wave(wave)
    assert bytes_on_disk(settings).count(SECRET.encode()) == 1


# The release


def test_the_digest_is_the_sha256_of_the_document(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    assert Release.get(Release.wave == wave).digest == hashlib.sha256(closing.document(wave)).hexdigest()


def test_the_document_is_the_same_whenever_it_is_made(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    assert closing.document(wave) == closing.document(Wave.get_by_id(wave.id))


def test_the_document_holds_every_tally(company: Company) -> None:
    wave = company.released_wave(at_random(2))
    held = json.loads(closing.document(wave))["cells"]
    assert sum(sum(counts) for cell in held for counts in cell["tallies"].values()) == sum(
        tally.n1 + tally.n2 + tally.n3 + tally.n4 + tally.n5 for tally in Tally.select()
    )


def test_an_untouched_release_is_not_altered(company: Company) -> None:
    about_sales(company, Finance=5)
    assert releases.altered() == []


def one_answer_more() -> None:
    tally = Tally.select().order_by(Tally.cell, Tally.item).first()
    Tally.update(n4=Tally.n4 + 1).where(Tally.cell == tally.cell, Tally.item == tally.item).execute()


def one_answer_moved() -> None:
    tally = Tally.select().where(Tally.n4 > 0).order_by(Tally.cell, Tally.item).first()
    same = (Tally.cell == tally.cell) & (Tally.item == tally.item)
    Tally.update(n4=Tally.n4 - 1, n5=Tally.n5 + 1).where(same).execute()


@pytest.mark.parametrize(
    "change",
    [
        one_answer_more,
        one_answer_moved,
        lambda: Tally.delete().where(Tally.item == "overall").execute(),
        lambda: Cell.update(raters=Cell.raters + 1).execute(),
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
        (closing, "_merge_groups"),
        (closing, "_store_tallies"),
        (closing, "_store_ratings_and_comments"),
        (closing, "digest"),
        (waves.outbox, "queue"),
    ],
)
def test_a_closing_that_fails_midway_leaves_the_wave_open(
    company: Company, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    wave = company.open_wave()
    company.answer(wave, share=0.3)
    before = set(Response.select(Response.id, Response.payload).tuples())

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(module, step, fails)
        with pytest.raises(RuntimeError):
            waves.close_wave(wave, wave.closes_at)
    assert Wave.get_by_id(wave.id).state == "open"
    assert set(Response.select(Response.id, Response.payload).tuples()) == before
    assert not any(table.select().exists() for table in (Cell, Tally, Rating, Comment, Release))
    assert not Message.select().where(Message.kind == "summary").exists()
    assert len(waves.close_due(wave.closes_at)) == 1


def test_a_release_that_was_deleted_is_found(company: Company) -> None:
    wave = company.released_wave()
    Release.delete().execute()
    assert [found.id for found in releases.altered()] == [wave.id]
