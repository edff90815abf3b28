"""What the tests of the command line share: a terminal in a folder of its own, at a fixed moment."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from survey import cli
from survey.measure.scale import ITEMS
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import OPENS

Espejo = Callable[..., str]
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(OPENS, tick=False):
        yield


@pytest.fixture
def espejo(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Espejo:
    """Runs the command in a folder of its own; returns all it says. Settings are given as keywords.

    Whatever the command ends with, it never shows a traceback.
    """
    for name in os.environ:
        if name.startswith("ESPEJO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    standing = {"home": settings.home, "secret_key": settings.secret_key, "database_url": settings.database_url}

    def run(*words: object, code: int = 0, **given: str) -> str:
        environment = {f"ESPEJO_{name.upper()}": value for name, value in {**standing, **given}.items()}
        done = CliRunner().invoke(cli.main, [str(word) for word in words], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a CSV file."""

    def writing(text: str) -> Path:
        path = tmp_path / "file.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return writing


def fours_and_twos(provider: int) -> Answer:
    return Answer(provider, {item: 2 + 2 * (place % 2) for place, item in enumerate(ITEMS)})


def add_pulse(espejo: Espejo, key: str = "clima", code: int = 0, **options: str) -> str:
    given = {"cadence": "monthly", "first": "2026-03-09", **options}
    return espejo("pulse", "add", key, *(f"--{name}={value}" for name, value in given.items()), code=code)
