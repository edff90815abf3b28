"""`python -m tests.bench.pages`: how long the server works on each of HR's pages, with the demo's company."""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from flask import Flask
from flask.testing import FlaskClient

from survey import create_app, demo
from survey.database import bind, open_database
from survey.models import Department, Person, Wave, database
from survey.settings import Settings
from survey.signing import sign_in_token
from tests.web.pages import addresses

AIM_MS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a demo's home that is there already; else one is made")
    parser.add_argument("--times", type=int, default=7, help="how often each page is fetched; the median is told")
    asked = parser.parse_args()
    with _home(asked.home) as home:
        settings = demo.settings(home, 8000)
        open_database(settings)
        demo.fill(settings, int(time.time()), lambda _moment: None)
        database.close()
        bind(settings)
        app = create_app(settings)
        app.config["WTF_CSRF_ENABLED"] = False
        _tell(app, settings, asked.times)


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    if given:
        yield given
    else:
        with TemporaryDirectory() as made:
            yield Path(made)


def _tell(app: Flask, settings: Settings, times: int) -> None:
    """A line for each page, the slowest first; those that miss the aim are marked."""
    with database.connection_context():
        hr = Person.get(Person.role == "hr")
        department, wave = Department.get(), Wave.get(Wave.state == "open")
    client = app.test_client()
    client.post(f"/login/{sign_in_token(hr.id, hr.sign_ins, settings)}")
    pages = [
        page.path
        for page in addresses(app, key=department.key, wave_id=wave.id)
        if page.method == "GET" and page.path.startswith("/hr/")
    ]
    found = {path: _milliseconds(client, path, times) for path in pages}
    for path, milliseconds in sorted(found.items(), key=lambda pair: -pair[1]):
        print(f"{milliseconds:6.0f} ms{' !' if milliseconds >= AIM_MS else '  '} {path}")


def _milliseconds(client: FlaskClient, path: str, times: int) -> float:
    """The median of several fetches in CPU time, the first one left out: it compiles templates."""
    took = []
    for _ in range(times + 1):
        begun = time.process_time()
        with client.get(path) as answer:
            answer.get_data()
        took.append(1000 * (time.process_time() - begun))
    return median(took[1:])


if __name__ == "__main__":
    main()
