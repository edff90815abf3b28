"""A respondent's session through `espejo serve`: the page, and its answers stored durably."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from survey.database import open_database
from survey.models import database
from tests.bench.clients import CLIENTS, Connection, Session, get, post, respond
from tests.bench.company import open_large_wave
from tests.bench.table import Row, medians
from tests.engines import settings_in
from tests.servers import Installation
from tests.visitors import unanswered
from tests.web.pages import Link

SESSIONS = 800  # in one run, at full speed and again at half of it
P99_MS, LONGEST_MS = 50, 250


def measure(runs: int, sessions: int = SESSIONS) -> Iterator[Row]:
    with TemporaryDirectory() as folder:
        ours, limit = Path(folder) / "ours", Path(folder) / "limit"
        settings = settings_in(ours)
        open_database(settings)
        links = unanswered(open_large_wave(2 * sessions * runs + CLIENTS), settings)
        database.close()
        shutil.copytree(ours, limit)
        installed = [
            Installation(Path(folder), home=str(home), secret_key=settings.secret_key, smtp_url="")
            for home in (ours, limit)
        ]
        with installed[0].serving("serve") as address:
            first = links[:CLIENTS]
            _keep_pages(address, first[0], limit)
            respond(address, first[1:])
            with installed[1].serving(program="tests.bench.bare") as bare:
                respond(bare, first)
                yield from _rows(runs, address, bare, links[CLIENTS:], sessions)


def _keep_pages(address: str, link: Link, home: Path) -> None:
    """What Espejo answers to one respondent, for the bare server to say to all."""
    with closing(Connection(address)) as connection:
        for name, asked in (("get.html", get(link)), ("post.html", post(link, 0))):
            (home / name).write_bytes(connection.ask(asked))


def _rows(runs: int, address: str, bare: str, links: Sequence[Link], count: int) -> Iterator[Row]:
    """Each run takes links of its own, as a link can be used once."""
    fresh = iter([links[start : start + count] for start in range(0, len(links), count)])

    def once() -> tuple[float, ...]:
        ours, limit = _rates(address, bare, next(fresh))
        some = next(fresh)
        calm, _ = respond(address, some, ours / 2)
        respond(bare, some)  # so that both databases hold as much
        return ours, limit, ours / limit, *_waits(calm)

    ours, limit, ratio, p99, longest = medians(runs, once)
    yield Row(
        "a session, GET and POST, stored durably", "a second", ours, limit, 0.6, at_least=True, ratio_within_runs=ratio
    )
    yield Row("p99 of the POST, at half that rate", "ms", p99, P99_MS, 1, at_least=False)
    yield Row("the longest wait of any request, at half that rate", "ms", longest, LONGEST_MS, 1, at_least=False)


def _rates(address: str, bare: str, links: Sequence[Link]) -> tuple[float, float]:
    """Sessions a second of both, in turns: one, the other twice, the one; a pace that drifts favours neither."""
    half = len(links) // 2
    turns = [(address, links[:half]), (bare, links[:half]), (bare, links[half:]), (address, links[half:])]
    seconds = {address: 0.0, bare: 0.0}
    for server, some in turns:
        seconds[server] += respond(server, some)[1]
    return len(links) / seconds[address], len(links) / seconds[bare]


def _waits(sessions: Sequence[Session]) -> tuple[float, float]:
    """p99 of the POST and the longest request, in milliseconds."""
    posts = sorted(session.post for session in sessions)
    longest = max(max(session.get, session.post) for session in sessions)
    return 1000 * posts[int(0.99 * (len(posts) - 1))], 1000 * longest
