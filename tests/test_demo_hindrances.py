"""What the demo's leads say hinders them: an excuse, its reverse, and reasons that return wave after wave."""

import pytest

from survey import releases
from survey.demo_hindrances import SAID
from survey.hindrances import excuses
from survey.measure.excuses import RESOURCES, Verdict
from survey.models import Department
from survey.settings import Settings
from tests.filled import company, filled

__all__ = ["company", "filled"]  # fixtures

pytestmark = pytest.mark.slow


def test_the_latest_wave_shows_an_excuse_and_its_reverse(company: Settings) -> None:
    names = dict(Department.select(Department.id, Department.name).tuples())
    found = {names[key]: excuse for key, excuse in excuses(releases.released_waves()[0], names).items()}
    assert set(SAID) <= set(found)
    assert (found["Ventas"].verdict, found["Compras"].verdict) == (Verdict.EXCUSE, Verdict.REVERSE)
    assert [(named.reason, named.waves) for named in found["Ventas"].named] == [(RESOURCES, 6)]
