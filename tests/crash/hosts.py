"""Espejo on eight hosts of our own making, of which three are cut off under load: no answer is lost, nothing doubles.

python -m tests.crash.hosts --answers 6000. Three web hosts behind a plain reverse proxy, two schedulers, a PostgreSQL
whose commits wait for a standby. While answers and mails are under way a web host loses its link, the scheduler that
runs the clock its power, and the primary its link, and the standby takes its place. It needs root, for the hosts are
network namespaces, and up to seven minutes, as what a killed sender had in hand is given back after five.
--asynchronous is the control, a primary that waits for no standby, which this must find out.
"""

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiosmtpd.controller import Controller

from survey.database import UNAVAILABLE, open_database
from survey.leases import is_held, standing
from survey.models import Message, database
from survey.scheduler import present
from survey.settings import Settings
from tests.crash.counting import Client, Count, count, post_all
from tests.crash.network import GATEWAY, Host, Network, alone, why_not
from tests.crash.standby import Pair
from tests.servers import is_well, wait_until
from tests.visitors import open_links
from tests.web.pages import Link

PORT, SMTP_PORT = 8000, 2525
ADDRESS = f"http://{GATEWAY}:{PORT}"
WEB, SCHEDULERS = 3, 2
SENDERS_CUT = 1 + SCHEDULERS  # the killed one, and both when their database went: each may have had one mail in hand


class MailServer:
    """Takes every mail that comes, and keeps which it was."""

    def __init__(self) -> None:
        self.message_ids: list[str] = []
        self._controller = Controller(self, hostname=GATEWAY, port=SMTP_PORT)
        self.url = f"smtp://{GATEWAY}:{SMTP_PORT}"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.message_ids.append(BytesHeaderParser().parsebytes(envelope.content)["Message-ID"])
        return "250 OK"

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


@dataclass
class Cut:
    """One fault, and how long whoever met it waited for an answer to be taken."""

    what: str
    began: float
    longest_wait_seconds: float = 0
    longest_silence_seconds: float = 0  # in which nobody's answer was taken


@dataclass
class Outcome:
    """What became of answers and mails."""

    cuts: list[Cut] = field(default_factory=list)
    answers_a_second: float = 0  # before the first cut
    took_over_seconds: float | None = None  # from a scheduler's death until the other one ran the clock
    count: Count | None = None
    mails: int = 0  # taken by the mail server, each once
    second_copies: int = 0
    queued: int = 0
    queued_twice: int = 0
    settled: int = 0
    logs: str = ""

    @property
    def holds(self) -> bool:
        assert self.count is not None
        is_sound = self.count.holds and not self.queued_twice and self.second_copies <= SENDERS_CUT
        return is_sound and "/r/" not in self.logs

    def lines(self) -> list[str]:
        assert self.count is not None
        took_over = "not waited for" if self.took_over_seconds is None else f"after {self.took_over_seconds:.0f} s"
        return [
            *(
                f"{cut.what}: no answer taken for {cut.longest_silence_seconds:.1f} s, "
                f"the longest wait of one client {cut.longest_wait_seconds:.1f} s"
                for cut in self.cuts
            ),
            f"the other scheduler took over: {took_over}",
            *self.count.lines(),
            f"answers a second before the first cut: {self.answers_a_second:.0f}",
            f"mails queued: {self.queued}, twice: {self.queued_twice}; settled: {self.settled}",
            f"mails that arrived: {self.mails}; second copies (same Message-ID): {self.second_copies}, "
            f"at most {SENDERS_CUT} may",
        ]


class Company:
    """All hosts, and who runs on them."""

    def __init__(self, network: Network, folder: Path, smtp_url: str, *, waits: bool) -> None:
        self.primary, self.standby = network.host("db1"), network.host("db2")
        self.pair = Pair(self.primary, self.standby, waits=waits)
        self._given = {
            "secret_key": "a key for tests",
            "database_url": self.pair.url,
            "base_url": ADDRESS,
            "smtp_url": smtp_url,
            "trusted_proxies": "1",
        }
        self.settings = Settings.from_environment({}, home=str(folder / "home"), **self._given)
        self.web = [network.host(f"web{number}") for number in range(1, WEB + 1)]
        self.schedulers = [network.host(f"clock{number}") for number in range(1, SCHEDULERS + 1)]
        self._all = [*self.web, *self.schedulers]

    def start(self) -> None:
        for host in self.web:
            self._espejo(host, "serve", "--host", "0.0.0.0", "--port", str(PORT), "--no-scheduler")
        for host in self.schedulers:
            self._espejo(host, "scheduler")
        places = [f"http://{host.address}:{PORT}" for host in self.web]
        subprocess.Popen([sys.executable, "-m", "tests.crash.proxy", "--port", str(PORT), *places])
        wait_until(lambda: all(is_well(f"{place}/readyz") for place in [*places, ADDRESS]))

    def _espejo(self, host: Host, *words: str) -> None:
        environment = {f"ESPEJO_{name.upper()}": value for name, value in self._given.items()}
        host.start(sys.executable, "-m", "survey", *words, **environment, ESPEJO_HOME=str(host.folder / "home"))

    def leader(self) -> Host | None:
        """The scheduler that runs the clock, if one does."""
        with database.connection_context():
            lease = standing()
            if not is_held(lease, present()):
                return None
        number = int(lease.holder.split(":")[1])
        return next((host for host in self.schedulers if number in {found.pid for found in host.processes}), None)

    def logs(self) -> str:
        return "".join(host.log for host in self._all)


def survive(folder: Path, answers: int, *, short: bool = False, waits: bool = True) -> Outcome:
    """Post `answers` answers while hosts are cut off. `short` waits neither for the clock nor for all mails.

    `waits` says whether the primary waits for its standby; if not, the standby is a little behind when it is promoted.
    """
    network, found = Network(folder), Outcome()
    with MailServer() as mail:
        company = Company(network, folder, mail.url, waits=waits)
        open_database(company.settings)
        database.close()
        company.start()
        wait_until(company.leader)
        links = open_links(company.settings, answers)[:answers]
        random.shuffle(links)
        database.close()
        with ThreadPoolExecutor(2) as threads:
            taking_over = _cut_one_after_the_other(company, found, links, threads)
            if not short:
                found.took_over_seconds = taking_over.result()
                wait_until(_is_settled, every_seconds=1, patience_seconds=900)
        _count_mails(found, mail)
        found.logs = company.logs()
    return found


def _cut_one_after_the_other(
    company: Company, found: Outcome, links: list[Link], threads: ThreadPoolExecutor
) -> "Future[float]":
    """Each cut when a further quarter of the answers has been taken; in how many seconds the clock is taken over."""
    clients: list[Client] = []
    started = time.monotonic()
    posting = threads.submit(post_all, ADDRESS, links, clients)

    def cut(what: str, quarter: int) -> None:
        wait_until(lambda: posting.done() or _taken(clients) >= len(links) * quarter // 4, 0.02, 600)
        assert not posting.done(), f"All answers were there before this was cut: {what}"
        found.cuts.append(Cut(what, time.monotonic()))

    cut("a web host cut off", 1)
    company.web[0].cut()
    leader = company.leader() or company.schedulers[0]
    cut("the scheduler that ran the clock killed", 2)
    leader.kill()
    company.schedulers = [host for host in company.schedulers if host is not leader]
    taking_over = threads.submit(_seconds_until_taken_over, company)
    cut("the primary cut off, the standby promoted", 3)
    if company.pair.waits:
        company.primary.cut()
    else:
        company.standby.cut()
        wait_until(lambda: posting.done() or _taken(clients) >= len(links) * 7 // 8, 0.02, 600)
        company.primary.cut()
        company.standby.mend()
    company.pair.promote()
    found.count = count(_result(posting))
    found.answers_a_second = len(links) / 4 / (found.cuts[0].began - started)
    _measure(found.cuts, clients)
    return taking_over


def _seconds_until_taken_over(company: Company) -> float:
    """From now on; looked at through whatever database there is."""
    began = time.monotonic()

    def is_led() -> bool:
        try:
            return company.leader() is not None
        except UNAVAILABLE:
            return False

    wait_until(is_led, every_seconds=0.5, patience_seconds=120)
    return time.monotonic() - began


def _result(posting: "Future[list[Client]]") -> list[Client]:
    return posting.result(timeout=900)


def _taken(clients: list[Client]) -> int:
    return sum(len(client.acknowledged) for client in clients)


def _measure(cuts: list[Cut], clients: list[Client]) -> None:
    """The longest wait, and the longest silence, of the answers that were taken between each cut and the next one."""
    spans = [span for client in clients for span in client.spans]
    last = max(ended for _, ended in spans)
    for cut, end in zip(cuts, [*(cut.began for cut in cuts[1:]), last], strict=True):
        met = [(began, ended) for began, ended in spans if cut.began <= ended <= end]
        cut.longest_wait_seconds = max(ended - began for began, ended in met)
        cut.longest_silence_seconds = max(b - a for a, b in pairwise(sorted([cut.began, *(e for _, e in met), end])))


def _is_settled() -> bool:
    with database.connection_context():
        return not Message.select().where(Message.state.in_(["pending", "sending", "retry"])).exists()


def _count_mails(found: Outcome, mail: MailServer) -> None:
    with database.connection_context():
        rows = list(
            Message.select(Message.kind, Message.wave, Message.person, Message.sequence, Message.state).tuples()
        )
    found.queued = len(rows)
    found.queued_twice = len(rows) - len({row[:4] for row in rows})
    found.settled = sum(row[4] in ("sent", "dropped") for row in rows)
    copies = Counter(mail.message_ids)
    found.mails, found.second_copies = len(copies), copies.total() - len(copies)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--answers", type=int, default=6000)
    asked.add_argument("--short", action="store_true", help="wait neither for the other scheduler nor for all mails")
    asked.add_argument("--asynchronous", action="store_true", help="the control: no commit waits for the standby")
    asked.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if not chosen.inside:
        if reason := why_not():
            sys.exit(reason)
        sys.exit(alone("tests.crash.hosts", [*sys.argv[1:], "--inside"]))
    with TemporaryDirectory(prefix="espejo-hosts-") as folder:
        found = survive(Path(folder), chosen.answers, short=chosen.short, waits=not chosen.asynchronous)
    print("\n".join(found.lines()))
    sys.exit(not found.holds)


if __name__ == "__main__":
    main()
