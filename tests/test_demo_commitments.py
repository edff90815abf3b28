"""What the demo's leads have promised: something of every state, credited to clients and to suggestions."""

from datetime import UTC, datetime

import pytest

from survey import commitments, releases
from survey.commitments import CommitmentRow
from survey.confirmations import Stage
from survey.demo_commitments import PROMISES
from survey.models import Commitment, Notice
from survey.settings import Settings
from tests.filled import NOW, company, filled

__all__ = ["company", "filled"]  # fixtures


pytestmark = pytest.mark.slow


@pytest.fixture
def rows(company: Settings) -> list[CommitmentRow]:
    providers = {found.provider_id for found in Commitment.select()}
    by_provider = commitments.of_providers(providers, datetime.fromtimestamp(NOW, UTC).date())
    return [row for found in by_provider.values() for row in found]


def test_something_is_done_open_late_and_dropped(rows: list[CommitmentRow]) -> None:
    assert len(rows) == len(PROMISES)
    assert {row.state for row in rows} == {"done", "open", "late", "dropped"}
    assert sum(row.state == "late" for row in rows) == sum(row.state == "dropped" for row in rows) == 1


def test_some_are_credited_to_clients_and_some_to_a_suggestion(rows: list[CommitmentRow]) -> None:
    assert sum(bool(row.clients) for row in rows) >= 5
    assert any(row.commitment.suggestion_id for row in rows)


def test_some_are_confirmed_some_are_not_and_clients_are_being_asked_about_others(rows: list[CommitmentRow]) -> None:
    stages = [row.confirmation.stage for row in rows if row.confirmation]
    assert {Stage.CONFIRMED, Stage.NOT_CONFIRMED, Stage.ASKED, Stage.NOBODY} <= set(stages)
    assert stages.count(Stage.CONFIRMED) >= 2
    assert Notice.select().count() > 5  # those who have answered by now


def test_each_comes_from_a_release_and_ends_after_it_and_not_in_the_future(rows: list[CommitmentRow]) -> None:
    today = datetime.fromtimestamp(NOW, UTC).date()
    released = {wave.id for wave in releases.released_waves()}
    for row in rows:
        assert row.commitment.wave_id in released
        assert row.commitment.made_on <= (row.commitment.ended_on or today) <= today
