"""HR sees how far a wave is; nobody sees it any more when it is done."""

import pytest

from survey import progress
from survey.models import Wave
from tests.cast import Company


@pytest.mark.parametrize(("share", "shown"), [(0.0, 0), (0.339, 33), (0.999, 99)])
def test_it_is_told_in_whole_steps(company: Company, share: float, shown: int) -> None:
    wave = company.open_wave()
    progress.tell(wave, "open", share)
    assert Wave.get_by_id(wave.id).progress == shown


def test_whoever_comes_late_tells_nothing_of_a_wave_that_went_on(company: Company) -> None:
    wave = company.open_wave()
    progress.tell(wave, "opening", 0.5)
    assert Wave.get_by_id(wave.id).progress is None
