"""Participation by division: whole groups added up, none split."""

import random

import pytest

from survey import releases
from survey.models import Department, Wave
from survey.releases import Clients
from survey.turnout import turnout_until, turnouts
from tests.cast import Company


def put_into(division: str, *names: str) -> None:
    parent, _ = Department.get_or_create(key=division.lower(), name=division)
    Department.update(parent=parent).where(Department.name.in_(names)).execute()


def test_a_division_is_the_sum_of_its_groups(company: Company) -> None:
    put_into("Operations", "Sales", "Logistics")
    wave = company.open_wave()
    company.rate(wave, "Sales", 5)
    company.rate(wave, "Logistics", 6)
    rows = {
        row.clients.departments: (row.answered, row.invited)
        for row in releases.by_division(releases.participation(wave))
    }
    assert rows == {("Finance",): (0, 12), ("Operations",): (11, 35), ("IT", "Legal"): (0, 12)}


def test_a_group_of_several_divisions_is_never_split(company: Company) -> None:
    """IT and Legal (four people) were asked as one group, so neither division may be told with its share of it."""
    put_into("Services", "IT", "Finance")
    put_into("Staff", "Legal", "Sales")
    wave = company.open_wave()
    company.rate(wave, "Legal", 4)
    rows = {
        row.clients.departments: (row.answered, row.invited)
        for row in releases.by_division(releases.participation(wave))
    }
    assert rows == {("Logistics",): (0, 15), ("Services",): (0, 12), ("Staff",): (0, 20), ("IT", "Legal"): (4, 12)}


@pytest.mark.parametrize("seed", range(6))
def test_divisions_add_up_to_what_is_told_by_group_and_tell_of_no_fewer_than_k(company: Company, seed: int) -> None:
    chance = random.Random(seed)
    for name in company.departments:
        if chance.random() < 0.7:
            put_into(chance.choice(["North", "South"]), name)
    wave = company.open_wave()
    company.answer(wave, share=chance.random())
    groups = releases.participation(wave)
    divisions = releases.by_division(groups)
    assert releases.whole_participation(divisions) == releases.whole_participation(groups)
    assert all(row.invited >= wave.min_group for row in divisions)


def test_a_wave_stands_beside_the_three_before_it(company: Company) -> None:
    closed = [company.released_wave() for _ in range(4)]
    running = company.open_wave()
    company.rate(running, "Sales", 10)
    found = turnout_until(running, releases.released_waves())
    assert [wave.id for wave in found.waves] == [running.id, *(wave.id for wave in closed[:0:-1])]
    assert [whole.percent for whole in found.wholes] == [17, 100, 100, 100]
    assert (Clients(("Sales",), False), (50, 100, 100, 100)) in [
        (clients, tuple(cell.percent for cell in cells if cell)) for clients, cells in found.rows
    ]


def test_without_waves_there_is_no_turnout(company: Company) -> None:
    assert turnouts([], list(Wave.select())) == []
