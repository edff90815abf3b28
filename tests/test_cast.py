"""The story's parts are copied only where nothing else has happened; its visitors have links, however many."""

import pytest

from survey import opening
from survey.models import Department, Invitation
from survey.settings import Settings
from tests.cast import Company
from tests.visitors import open_links


def test_a_part_begins_from_what_was_written_before(company: Company) -> None:
    Department.update(name="Renamed").where(Department.key == "it").execute()
    wave = company.open_wave()
    assert Department.get(Department.key == "it").name == "Renamed"
    assert Invitation.select().where(Invitation.wave == wave).count() == 59


def test_a_part_goes_on_from_what_was_written_between(company: Company) -> None:
    wave = company.open_wave()
    Department.update(name="Renamed").where(Department.key == "it").execute()
    assert company.close_wave(company.once("the same", lambda: wave)).state == "closed"
    assert Department.get(Department.key == "it").name == "Renamed"


def test_parts_follow_each_other_as_they_were_played(company: Company) -> None:
    first, second = company.released_wave(), company.open_wave()
    assert (first.state, second.state, second.occurrence) == ("closed", "open", first.occurrence + 1)
    assert company.close_wave(second).closed_at == second.closes_at


def test_all_visitors_have_links_where_a_wave_opens_in_steps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "INVITED_AT_ONCE", 20)
    assert len({link.address for link in open_links(settings, 70)}) == 70
