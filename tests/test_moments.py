"""What is remembered for a moment: for so many seconds, of one database, and never where something is decided."""

import pytest

from survey import moments
from survey.models import Department, database
from survey.moments import once_a_moment
from survey.settings import Settings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(moments, "SECONDS", 5.0)
    monkeypatch.setattr(moments.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def names(company, clock):
    @once_a_moment
    def found(active: bool) -> list[str]:
        query = Department.select(Department.name).where(Department.active == active).order_by(Department.name)
        return [name for (name,) in query.tuples()]

    return found


def rename(name: str) -> None:
    Department.update(name=name).where(Department.key == "it").execute()


def test_an_answer_is_remembered_for_some_seconds_by_its_arguments(names, clock) -> None:
    assert "IT" in names(True)
    rename("Informática")
    clock[0] += 4.9
    assert "IT" in names(True)
    assert names(False) == []
    clock[0] += 0.1
    assert "IT" not in names(True)
    assert "Informática" in names(True)


def test_what_is_remembered_of_something_remembered_is_no_older(names, clock) -> None:
    both = once_a_moment(lambda: [*names(True), *names(False)])
    assert "IT" in names(True)
    rename("Informática")
    clock[0] += 4.9
    assert "IT" in both()
    clock[0] += 0.1
    assert "IT" not in both()


def test_inside_a_transaction_the_database_is_asked(names) -> None:
    assert "IT" in names(True)
    with database.atomic():
        rename("Informática")
        assert "Informática" in names(True)
    assert "IT" in names(True), "what a transaction read is not kept: it may be rolled back"


def test_another_database_is_asked_itself(names, settings: Settings, tmp_path) -> None:
    from survey.database import open_database
    from tests.engines import settings_in

    assert "IT" in names(True)
    open_database(settings_in(tmp_path / "other"))
    assert names(True) == []


def test_what_is_remembered_does_not_grow_without_end(clock, company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST", 3)
    asked = []
    ask = once_a_moment(lambda number: asked.append(number) or number + 1)
    assert [ask(number) for number in (1, 2, 3, 1)] == [2, 3, 4, 2]
    assert [ask(number) for number in (4, 4, 1)] == [5, 5, 2]
    assert asked == [1, 2, 3, 4, 1]
