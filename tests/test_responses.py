"""One response: what is stored of it, and what is not."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from survey import responses
from survey.models import Comment, Department, Invitation, Person, Rating, Table, Wave, database
from survey.responses import COMMENT_CHARACTERS, MOST_ADDED, Answer, Outcome, accept, questions
from tests.cast import Company, all_fours, asked_by

Tables = dict[str, set[tuple[Any, ...]]]


def raw_tables() -> Tables:
    """Every row of every table, read past our own code."""
    return {name: set(database.execute_sql(f'SELECT * FROM "{name}"')) for name in database.get_tables()}


def charlies(wave: Wave) -> Invitation:
    found: Invitation = Invitation.get(Invitation.wave == wave, Invitation.person == Person.get(name="Charlie Clark"))
    return found


def providers(invitation: Invitation) -> list[int]:
    return [int(provider) for provider in invitation.providers.split()]


def said() -> dict[int, dict[str, int]]:
    """{provider: what the one response says about it}"""
    ratings = list(Rating.select(Rating.provider, Rating.answers).tuples())
    assert len(ratings) == len(dict(ratings))
    return {provider: json.loads(answers) for provider, answers in ratings}


# What is stored


def test_no_answer_has_a_column_for_a_person_an_invitation_a_response_or_a_time() -> None:
    assert columns(Rating) == {"id", "wave_id", "provider_id", "client_group_id", "answers", "added"}
    assert columns(Comment) == {"id", "wave_id", "provider_id", "kind", "text"}


def columns(table: type[Table]) -> set[str]:
    return {column.column_name for column in table._meta.sorted_fields}


def test_accepting_sets_one_flag_adds_a_row_for_each_provider_and_touches_nothing_else(
    company: Company,
) -> None:
    invitation = charlies(company.open_wave())
    first, second, _ = providers(invitation)
    before = raw_tables()
    accept(asked_by(invitation.id), [all_fours(first), Answer(second, {"overall": 5}, None, "Bien", "thanks")])
    after = raw_tables()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"invitation", "rating", "comment"}
    assert (len(after["rating"]), len(after["comment"])) == (2, 1)
    ((*_, was),), ((*_, became),) = (
        before["invitation"] - after["invitation"],
        after["invitation"] - before["invitation"],
    )
    assert (was, became) == (0, 1)


def test_a_stored_rating_is_id_wave_provider_group_and_scores(company: Company) -> None:
    invitation = charlies(company.open_wave())
    provider = providers(invitation)[0]
    accept(asked_by(invitation.id), [Answer(provider, {"overall": 3})])
    ((key, *rest),) = raw_tables()["rating"]
    assert rest == [invitation.wave_id, provider, invitation.client_group_id, '{"overall": 3}', 0]
    assert len(key) == 32


def test_nothing_that_is_stored_holds_an_id_of_the_invitation_or_of_each_other(
    company: Company,
) -> None:
    invitation = charlies(company.open_wave())
    about = [Answer(provider, {"overall": 3}, None, "Bien", "thanks") for provider in providers(invitation)]
    accept(asked_by(invitation.id), about)
    tables = raw_tables()
    rows = [*tables["rating"], *tables["comment"]]
    assert invitation.id not in str(rows)
    assert len({key for key, *_ in rows}) == len(rows) == 6


def test_the_ids_of_ratings_do_not_tell_their_order(company: Company) -> None:
    company.answer(company.open_wave())
    ids = [rating.id for rating in Rating.select()]
    assert len({key[:4] for key in ids}) > len(ids) / 2


def test_scores_and_words_about_one_provider_are_parted(company: Company) -> None:
    invitation = charlies(company.open_wave())
    first, second, _ = providers(invitation)
    accept(
        asked_by(invitation.id),
        [Answer(first, {}, comment="¡Gracias, señora!", comment_kind="thanks"), Answer(second, {"openness": 1})],
    )
    assert said() == {second: {"openness": 1}}
    assert list(Comment.select(Comment.provider, Comment.kind, Comment.text).tuples()) == [
        (first, "thanks", "¡Gracias, señora!")
    ]


def test_a_provider_about_whom_nothing_is_said_is_not_stored(company: Company) -> None:
    invitation = charlies(company.open_wave())
    assert (
        accept(asked_by(invitation.id), [Answer(provider, {}) for provider in providers(invitation)]) is Outcome.STORED
    )
    assert not Rating.select().exists()
    assert not Comment.select().exists()


@pytest.mark.parametrize(("overall", "stored"), [(1, True), (2, True), (3, False), (None, False)])
def test_what_is_missing_is_kept_only_beside_a_low_overall(overall: int | None, stored: bool) -> None:
    scores = {} if overall is None else {"overall": overall}
    assert ("missing" in Answer(1, scores, missing="means").answers()) is stored


def test_what_is_missing_is_tallied_by_its_place(company: Company) -> None:
    reasons = ("attitude", "means", "both")
    assert [Answer(1, {"overall": 1}, missing=reason).answers()["missing"] for reason in reasons] == [1, 2, 3]


# Once, and only while the wave is open


def test_a_second_post_is_already_received_and_the_first_stands(company: Company) -> None:
    invitation = charlies(company.open_wave())
    provider = providers(invitation)[0]
    assert accept(asked_by(invitation.id), [Answer(provider, {"overall": 5})]) is Outcome.STORED
    assert accept(asked_by(invitation.id), [Answer(provider, {"overall": 1})]) is Outcome.ALREADY
    assert said() == {provider: {"overall": 5}}


def test_after_the_wave_has_closed_nothing_is_accepted(company: Company) -> None:
    wave = company.open_wave()
    company.close_wave(wave)
    assert accept(asked_by(charlies(wave).id), [all_fours(providers(charlies(wave))[0])]) is Outcome.CLOSED
    assert (Rating.select().count(), charlies(wave).answered) == (0, False)


def test_who_has_answered_hears_so_after_the_wave_has_closed(company: Company) -> None:
    wave = company.open_wave()
    accept(asked_by(charlies(wave).id), [])
    company.close_wave(wave)
    assert accept(asked_by(charlies(wave).id), []) is Outcome.ALREADY


def test_sixteen_posts_at_the_same_time_store_one_response(company: Company) -> None:
    invitation = charlies(company.open_wave())
    provider = providers(invitation)[0]
    together = Barrier(16)

    def post(score: int) -> Outcome:
        with database.connection_context():
            together.wait()
            return accept(asked_by(invitation.id), [Answer(provider, {"overall": score % 5 + 1})])

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(post, range(16)))
    assert sorted(outcomes) == [Outcome.ALREADY] * 15 + [Outcome.STORED]
    assert Rating.select().count() == 1


def test_a_response_that_cannot_be_stored_leaves_the_invitation_open(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    invitation = charlies(company.open_wave())

    def full(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(responses, "_add_ratings", full)
    with pytest.raises(OSError):
        accept(asked_by(invitation.id), [all_fours(providers(invitation)[0])])
    assert not charlies(invitation.wave).answered


# What no page of ours sends


def test_nobody_counts_twice_about_one_department(company: Company) -> None:
    invitation = charlies(company.open_wave())
    with pytest.raises(ValueError, match="each provider once"):
        accept(asked_by(invitation.id), [all_fours(providers(invitation)[0])] * 2)
    assert Rating.select().count() == 0


@pytest.mark.parametrize(
    "values",
    [
        {"scores": {"overall": 0}},
        {"scores": {"overall": 6}},
        {"scores": {"overall": 2.5}},
        {"scores": {}, "missing": "money"},
        {"scores": {}, "comment": "Hello"},
        {"scores": {}, "comment": "Hello", "comment_kind": "gossip"},
        {"scores": {}, "comment": "x" * (COMMENT_CHARACTERS + 1), "comment_kind": "thanks"},
    ],
)
def test_an_answer_that_is_not_offered_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Answer(1, **values)


@pytest.mark.parametrize("score", [1, 5])
def test_both_ends_of_the_scale_are_answers(score: int) -> None:
    assert Answer(1, {"overall": score}).answers() == {"overall": score}


def test_the_longest_comment_is_taken() -> None:
    longest = "x" * COMMENT_CHARACTERS
    assert Answer(1, {}, comment=longest, comment_kind="thanks").comment == longest


# Added departments


def not_asked_about(company: Company, invitation: Invitation) -> list[int]:
    """The other departments than Charlie's own, which is Sales, and those asked about."""
    others = {department.id for name, department in company.departments.items() if name != "Sales"}
    return sorted(others - set(providers(invitation)))


def addable(invitation: Invitation) -> list[str]:
    asked = questions(invitation.id)
    assert asked is not None
    return [department.name for department in asked.addable]


@pytest.fixture
def few(company: Company) -> Invitation:
    """Charlie is asked about IT alone."""
    company.ask_only_about("IT")
    return charlies(company.open_wave())


def test_all_departments_but_ones_own_and_those_asked_about_may_be_added(company: Company, few: Invitation) -> None:
    Department.create(key="dissolved", name="Dissolved", active=False)
    assert addable(few) == ["Finance", "Legal", "Logistics"]


def test_who_has_moved_adds_neither_the_old_department_nor_the_new_one(company: Company, few: Invitation) -> None:
    Person.update(department=company.departments["Legal"]).where(Person.id == company.charlie.id).execute()
    assert addable(few) == ["Finance", "Logistics"]


def test_of_a_small_department_the_person_may_add_those_it_is_pooled_with(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    lawyer = Invitation.get(
        Invitation.wave == wave, Invitation.person == Person.get(Person.department == company.departments["Legal"])
    )
    assert addable(lawyer) == ["Finance", "IT", "Logistics"]
    Invitation.update(person=None).where(Invitation.id == lawyer.id).execute()
    assert addable(lawyer) == ["Finance", "Logistics"]


def test_what_is_said_of_an_added_department_is_marked(company: Company, few: Invitation) -> None:
    added = company.departments["Legal"].id
    accept(asked_by(few.id), [all_fours(providers(few)[0]), all_fours(added)])
    assert dict(Rating.select(Rating.provider, Rating.added).tuples()) == {providers(few)[0]: False, added: True}


@pytest.mark.parametrize(("count", "taken"), [(MOST_ADDED, True), (MOST_ADDED + 1, False)])
def test_at_most_two_departments_are_added(company: Company, few: Invitation, count: int, taken: bool) -> None:
    answers = [all_fours(provider) for provider in not_asked_about(company, few)[:count]]
    if taken:
        assert accept(asked_by(few.id), answers) is Outcome.STORED
    else:
        with pytest.raises(ValueError, match="may add 2 departments"):
            accept(asked_by(few.id), answers)
    assert (Rating.select().count(), charlies(few.wave).answered) == (count * taken, taken)


def test_ones_own_a_dissolved_and_an_unknown_department_cannot_be_added(company: Company, few: Invitation) -> None:
    dissolved = Department.create(key="dissolved", name="Dissolved", active=False)
    for provider in (company.departments["Sales"].id, dissolved.id, 999):
        with pytest.raises(ValueError, match="not the person's own"):
            accept(asked_by(few.id), [all_fours(provider)])
    assert not charlies(few.wave).answered


# What is asked


def test_an_invitation_asks_about_its_providers_in_their_order(company: Company) -> None:
    invitation = charlies(company.open_wave())
    asked = questions(invitation.id)
    assert asked is not None
    assert [provider.id for provider in asked.providers] == providers(invitation)
    assert (asked.person, asked.language) == ("Charlie Clark", "en")
    assert (asked.is_open, asked.answered) == (True, False)


def test_an_unknown_invitation_asks_nothing(company: Company) -> None:
    company.open_wave()
    assert questions("0" * 32) is None


def test_an_invitation_of_a_closed_wave_says_so(company: Company) -> None:
    wave = company.close_wave(company.open_wave())
    asked = questions(charlies(wave).id)
    assert asked is not None
    assert not asked.is_open


def test_an_invitation_whose_person_is_forgotten_has_neither_name_nor_language(company: Company) -> None:
    invitation = charlies(company.open_wave())
    Invitation.update(person=None).where(Invitation.id == invitation.id).execute()
    asked = questions(invitation.id)
    assert asked is not None
    assert (asked.person, asked.language) == (None, None)


def test_asking_changes_nothing(company: Company) -> None:
    invitation = charlies(company.open_wave())
    before = raw_tables()
    questions(invitation.id)
    assert raw_tables() == before
