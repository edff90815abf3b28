"""Who was asked and has answered: by client group, and by division, whole groups added up and none split."""

import random

import pytest

from survey import releases, waves
from survey.models import Department, Invitation, Wave
from survey.releases import Clients
from survey.turnout import by_division, participation, turnout_until, turnouts, whole_participation
from tests.cast import Company
from tests.test_releases import about_sales

# A wave by itself


def test_participation_is_told_by_groups_while_a_wave_is_open(company: Company) -> None:
    wave = company.open_wave()
    company.rate(wave, "Finance", 3)
    company.rate(wave, "Legal", 1)
    found = {row.clients.departments: (row.answered, row.invited, row.percent) for row in participation(wave)}
    assert found == {
        ("Finance",): (3, 12, 25),
        ("IT", "Legal"): (1, 12, 8),
        ("Logistics",): (0, 15, 0),
        ("Sales",): (0, 20, 0),
    }


def test_participation_stays_when_the_invitations_are_forgotten(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4))
    Invitation.delete().where(Invitation.wave == wave).execute()
    assert whole_participation(participation(wave)).answered == 5


def test_a_group_for_one_provider_is_no_group_of_participation(company: Company) -> None:
    wave = about_sales(company, ("Finance", 4, 4), ("Logistics", 4, 4))
    assert sum(row.invited for row in participation(wave)) == 39


@pytest.mark.parametrize(("k", "told"), [(59, 59), (60, 0)])
def test_participation_of_a_company_smaller_than_k_is_not_told(company: Company, k: int, told: int) -> None:
    waves.open_wave(Wave.get(), 0, k)
    wave = Wave.get(Wave.state == "open")
    company.answer(wave)
    assert whole_participation(participation(wave)).answered == told


def test_nobody_invited_is_no_division_by_zero() -> None:
    assert whole_participation([]).percent == 0


# By division, and beside earlier waves


def put_into(division: str, *names: str) -> None:
    parent, _ = Department.get_or_create(key=division.lower(), name=division)
    Department.update(parent=parent).where(Department.name.in_(names)).execute()


def test_a_division_is_the_sum_of_its_groups(company: Company) -> None:
    put_into("Operations", "Sales", "Logistics")
    wave = company.open_wave()
    company.rate(wave, "Sales", 5)
    company.rate(wave, "Logistics", 6)
    rows = {row.clients.departments: (row.answered, row.invited) for row in by_division(participation(wave))}
    assert rows == {("Finance",): (0, 12), ("Operations",): (11, 35), ("IT", "Legal"): (0, 12)}


def test_a_group_of_several_divisions_is_never_split(company: Company) -> None:
    """IT and Legal (four people) were asked as one group, so neither division may be told with its share of it."""
    put_into("Services", "IT", "Finance")
    put_into("Staff", "Legal", "Sales")
    wave = company.open_wave()
    company.rate(wave, "Legal", 4)
    rows = {row.clients.departments: (row.answered, row.invited) for row in by_division(participation(wave))}
    assert rows == {("Logistics",): (0, 15), ("Services",): (0, 12), ("Staff",): (0, 20), ("IT", "Legal"): (4, 12)}


@pytest.mark.parametrize("seed", range(6))
def test_divisions_add_up_to_what_is_told_by_group_and_tell_of_no_fewer_than_k(company: Company, seed: int) -> None:
    chance = random.Random(seed)
    for name in company.departments:
        if chance.random() < 0.7:
            put_into(chance.choice(["North", "South"]), name)
    wave = company.open_wave()
    company.answer(wave, share=chance.random())
    groups = participation(wave)
    divisions = by_division(groups)
    assert whole_participation(divisions) == whole_participation(groups)
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
