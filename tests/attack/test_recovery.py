"""Nobody can be singled out: an attacker who reads everything that is published finds no fewer than k people."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey import create_app, demo, responses
from survey.database import open_database
from survey.models import Department, Invitation, Leadership, Person, Wave, database
from survey.responses import Answer, Questions
from survey.web import access
from tests.attack import published
from tests.attack.attacker import Outcome, Unexplained, break_in
from tests.attack.companies import Atom, Laboratory, Truth, clients_by_group, divisions, hiding_below_k, sign_in
from tests.attack.published import Figure, Shown
from tests.attack.run import by_everything, by_export, mails
from tests.attack.solver import attack

COMPANIES = 40  # more by python -m tests.attack
ON_PAGES = [2, 5]  # read in full
CONTROL = 12
NOW = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    yield Laboratory(tmp_path_factory.mktemp("laboratory"))
    if not database.is_closed():
        database.close()


def assert_nobody_is_told_of(outcome: Outcome) -> None:
    assert outcome.findings.recoveries == []
    assert outcome.findings.undecided == 0
    assert not outcome.totals_of_all


# --- Random companies ----------------------------------------------------------------------------------------------


@pytest.mark.early
def test_nobody_can_be_singled_out_in_a_random_company(laboratory: Laboratory) -> None:
    assert_nobody_is_told_of(by_export(laboratory, 0))


@pytest.mark.early
@pytest.mark.slow
def test_nobody_can_be_singled_out_in_forty_companies(laboratory: Laboratory) -> None:
    for seed in range(COMPANIES):
        assert_nobody_is_told_of(by_export(laboratory, seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", ON_PAGES)
def test_no_page_export_or_mail_tells_more_than_the_download(laboratory: Laboratory, seed: int) -> None:
    """Every figure of every page is a sum of the cells that the download shows: so says break_in, or it raises."""
    outcome = by_everything(laboratory, seed)
    assert_nobody_is_told_of(outcome)
    assert outcome.by_view.keys() >= {
        "cell",
        "provider",
        "company",
        "cell margin",
        "cell over waves",
        "company over waves",
    }


def test_answers_stored_at_once_are_the_same_as_answers_that_came_one_by_one(laboratory: Laboratory) -> None:
    assert by_export(laboratory, 4) == by_export(laboratory, 4, one_by_one=True)


# --- The attacker can win ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_with_a_threshold_alone_the_attacker_breaks_nearly_every_company(laboratory: Laboratory) -> None:
    with hiding_below_k():
        outcomes = [by_export(laboratory, seed) for seed in range(CONTROL)]
    assert sum(bool(outcome.findings.recoveries) for outcome in outcomes) > 0.9 * CONTROL
    assert any(outcome.totals_of_all for outcome in outcomes)


def atom(client: str, provider: str = "IT", wave: int = 1) -> Atom:
    return Atom(wave, provider, frozenset([client]), "overall")


def answered(first: int, *scores: int) -> dict[int, int]:
    return dict(enumerate(scores, start=first))


TRUTH: Truth = {
    atom("sales"): answered(100, 1, 2, 3, 4, 5, 5),
    atom("legal"): answered(200, 2, 5),
    atom("finance"): answered(300, 3, 3, 4, 4, 1),
}
SALES, LEGAL, FINANCE = TRUTH


def test_a_total_less_its_only_visible_group_tells_of_the_hidden_one() -> None:
    (recovery,) = attack([frozenset([SALES]), frozenset([SALES, LEGAL])], TRUTH, 5).recoveries
    assert (recovery.atoms, recovery.how) == ({LEGAL}, "combination")


def test_a_small_group_that_is_only_in_one_sum_stays_hidden() -> None:
    findings = attack([frozenset([SALES]), frozenset([FINANCE, LEGAL])], TRUTH, 5)
    assert (findings.recoveries, findings.certified) == ([], 1)


def test_three_overlapping_sums_tell_of_what_no_two_of_them_tell() -> None:
    """(sales + legal) + (finance + legal) − (sales + finance) is twice legal."""
    sums = [frozenset([SALES, LEGAL]), frozenset([FINANCE, LEGAL]), frozenset([SALES, FINANCE])]
    assert {recovery.atoms for recovery in attack(sums, TRUTH, 5).recoveries} == {frozenset([LEGAL])}


def test_the_difference_of_two_small_groups_is_a_recovery_too() -> None:
    """One of each: scores of 2 and 4 show as a one less and a one more."""
    hers, his = atom("hers"), atom("his")
    truth = TRUTH | {hers: answered(400, 2), his: answered(500, 4)}
    (recovery,) = attack([frozenset([SALES, hers]), frozenset([SALES, his])], truth, 5).recoveries
    assert recovery.people == {400, 500}


def test_answers_of_one_mind_are_counted_apart_since_no_sum_hides_them() -> None:
    truth = {SALES: answered(100, 4, 4, 4), LEGAL: answered(200, 4, 4)}
    findings = attack([frozenset([SALES, LEGAL])], truth, 5)
    assert (findings.recoveries, findings.of_one_mind) == ([], 1)


def test_bounds_tell_what_no_combination_tells() -> None:
    """Nobody of sales + legal gave 5 and nobody of finance + legal gave 4: legal's two can only have given 3."""
    truth = {
        SALES: answered(100, 4, 4, 4, 4, 4),
        LEGAL: answered(200, 3, 3),
        FINANCE: answered(300, 5, 5, 5, 5, 5),
    }
    (recovery,) = attack([frozenset([SALES, LEGAL]), frozenset([FINANCE, LEGAL])], truth, 5).recoveries
    assert (recovery.atoms, recovery.how) == ({LEGAL}, "bounds")


def test_a_figure_that_is_no_sum_of_what_is_published_is_noticed() -> None:
    """Neither sales alone nor all who answered about IT give a total of 10."""
    cell = Figure((1,), "overall", frozenset(["IT"]), frozenset(["sales"]), "", Shown(60, approximate=True))
    total = Figure((1,), "overall", frozenset(["IT"]), None, "", Shown(10, approximate=True))
    with pytest.raises(Unexplained):
        break_in([cell, total], TRUTH, 5, {}, {(1, "IT"): {}})


# --- The demo ------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.slow
def test_nobody_can_be_singled_out_in_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = attack_demo(tmp_path, monkeypatch)
    with capsys.disabled():
        print(f"\ndemo: {outcome.figures} figures, {outcome.findings.sums} sums, {outcome.cost}")
    assert_nobody_is_told_of(outcome)
    assert outcome.cost.published >= 0.99 * outcome.cost.answers


def attack_demo(home: Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Fill the demo, overhear what its people answer, and read all its pages, exports and the last wave's mails."""
    settings = demo.settings(home, 8000)
    open_database(settings)
    database.close()
    app = create_app(settings, demo=True)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    monkeypatch.setattr(access.limiter, "enabled", False)
    truth: Truth = {}
    raters: dict[tuple[int, str], dict[int, str]] = {}
    with database.connection_context():
        overhear(truth, raters, monkeypatch)
        demo.fill(settings, NOW, lambda _moment: None)
        Person.update(language="en").execute()  # the reader of these pages knows English alone
        closed = list(Wave.select().where(Wave.state == "closed").order_by(Wave.occurrence))
        ids = {wave.id for wave in closed}
        truth = {found: answers for found, answers in truth.items() if found.wave in ids}
        hr = sign_in(app, settings, Person.get(Person.role == "hr"))
        leads = [sign_in(app, settings, lead) for lead in Person.select().join(Leadership).distinct()]
        figures = published.everything(hr, leads, closed, [found.key for found in Department.select()])
        told = set(mails(app, settings, closed[-1], settings.smallest_group))
        assert told
        figures |= told
        return break_in(figures, truth, settings.smallest_group, divisions(), raters)


def overhear(truth: Truth, raters: dict[tuple[int, str], dict[int, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Write down who answers what; only a test that stands between a person and the database can."""
    accept = responses.accept
    groups: dict[int, frozenset[str]] = {}

    def overheard(asked: Questions, answers: list[Answer], noticed: dict[int, bool]) -> responses.Outcome:
        invitation = Invitation.get_by_id(asked.invitation_id)
        if invitation.client_group_id not in groups:
            groups.update(clients_by_group(invitation.wave))
        for answer in answers:
            provider = Department.get_by_id(answer.provider).name
            if answer.scores:
                home = Person.get_by_id(invitation.person_id).department.name
                raters.setdefault((invitation.wave_id, provider), {})[invitation.person_id] = home
            for item, score in answer.scores.items():
                place = Atom(invitation.wave_id, provider, groups[invitation.client_group_id], item)
                truth.setdefault(place, {})[invitation.person_id] = score
        return accept(asked, answers, noticed)

    monkeypatch.setattr(responses, "accept", overheard)
