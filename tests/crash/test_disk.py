"""The short form of tests.crash.disk."""

import subprocess
from pathlib import Path

import pytest

from survey import create_app
from survey.database import open_database
from survey.models import database
from tests.crash.disk import SmallDisk, fill_again_and_again
from tests.engines import settings_in
from tests.visitors import open_links
from tests.web.pages import form_in

pytestmark = pytest.mark.crash

ANSWERS = 60


@pytest.fixture
def mountable(tmp_path: Path) -> None:
    """Skips where no file system can be mounted."""
    try:
        with SmallDisk(tmp_path / "try"):
            pass
    except subprocess.CalledProcessError:
        pytest.skip("a small file system can be mounted by root alone")


@pytest.mark.usefixtures("mountable")
def test_nothing_is_acknowledged_that_is_not_stored_and_nothing_typed_is_lost(tmp_path: Path) -> None:
    assert fill_again_and_again(tmp_path, ANSWERS).holds


def test_the_same_where_files_may_not_grow(tmp_path: Path) -> None:
    assert fill_again_and_again(tmp_path, ANSWERS, limit=True).holds


@pytest.mark.usefixtures("mountable")
def test_it_is_alive_but_not_ready_until_there_is_room(tmp_path: Path) -> None:
    with SmallDisk(tmp_path / "disk") as small:
        settings = settings_in(tmp_path / "disk" / "home")
        open_database(settings)
        link = open_links(settings, 59)[0]
        database.close()
        client = create_app(settings).test_client()
        page = form_in(client.get(f"{link.address}?lang=en").text)
        small.fill(0)
        full = client.post(link.address, data=page | link.filled(comment="Kept", kind="thanks"))
        assert full.status_code == 503
        kept = form_in(full.text)
        assert kept.items() >= link.filled(comment="Kept", kind="thanks").items()
        assert (client.get("/livez").status_code, client.get("/readyz").status_code) == (200, 503)
        small.make_room()
        assert client.get("/readyz").status_code == 200
        assert "Thank you!" in client.post(f"{link.address}?lang=en", data=kept).text
