"""What is asked beside the scores singles nobody out either: notices, own views, and what could be taken from them."""

from collections.abc import Iterator

import pytest

from survey import confirmations, notices
from survey.measure.disclosure import SMALLEST
from survey.measure.noticing import hearing
from survey.models import Department, Leadership, NoticeQuestion, Person, Wave, database
from tests.attack.beside import Beside
from tests.attack.companies import Laboratory
from tests.attack.run import live

QUICK = (2, 4)
COMPANIES = 8


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    yield Laboratory(tmp_path_factory.mktemp("laboratory"))
    if not database.is_closed():
        database.close()


def told(laboratory: Laboratory, seed: int) -> int:
    """Let a company live, promise and say what it noticed; how many things are told then, none of them of anybody."""
    with laboratory.company(seed, one_by_one=False) as company:
        beside, closed = Beside(seed, company.k), []
        for wave in live(company, while_open=beside.speak):
            closed.append(wave)
            beside.promise(wave)
        query = Person.select().join(Leadership).join(Department).where(Person.active, Department.active)
        leads = [laboratory.sign_in(lead) for lead in query.distinct()]
        return beside.check(laboratory.sign_in(company.hr), leads, closed)


def told_in_each(laboratory: Laboratory) -> list[int]:
    return [told(laboratory, seed) for seed in QUICK]


@pytest.mark.early
@pytest.mark.parametrize("seed", [QUICK[0], pytest.param(QUICK[1], marks=pytest.mark.slow)])
def test_no_page_tells_of_fewer_than_k_who_noticed_or_of_what_members_expect(laboratory: Laboratory, seed: int) -> None:
    assert told(laboratory, seed) > 0


@pytest.mark.slow
@pytest.mark.long
def test_nobody_is_told_of_in_more_companies(laboratory: Laboratory) -> None:
    assert sum(told(laboratory, seed) for seed in range(COMPANIES)) > 20 * COMPANIES


# --- The attacker can win ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_told_of_fewer_than_k_is_noticed(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    count = notices.count

    def carelessly(wave: Wave) -> list[dict[str, int]]:
        k, wave.min_group = wave.min_group, SMALLEST
        found = count(wave)
        wave.min_group = k
        return found

    monkeypatch.setattr(notices, "count", carelessly)
    monkeypatch.setattr(confirmations, "hearing", lambda noticed, not_yet, _k: hearing(noticed, not_yet, SMALLEST))
    with pytest.raises(AssertionError, match=r"Confirmed|Not confirmed"):
        told_in_each(laboratory)


@pytest.mark.slow
def test_asking_the_same_people_twice_is_noticed(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    def carelessly(wave: Wave, invited: dict[int, int], _k: int, _room: int) -> None:
        rows = [
            {"wave": wave.id, "commitment": made, "department": client}
            for made, _, clients in notices._unasked(wave)
            for client in clients
            if client in invited
        ]
        if rows:
            NoticeQuestion.insert_many(rows).execute()

    monkeypatch.setattr(notices, "freeze", carelessly)
    with pytest.raises(AssertionError, match="Two sums about one provider"):
        told_in_each(laboratory)
