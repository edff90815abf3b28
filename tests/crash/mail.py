"""No mail is lost, whatever the server does and whenever the sender is killed.

`python -m tests.crash.mail --messages 2000 --kills 200` prints the figures, and fails when one is not as it must be.
"""

import argparse
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from survey import create_app, outbox, sending
from survey.database import open_database
from survey.emails import composer
from survey.models import Message, Person, database
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.smtp import SmtpTransport
from tests.cast import OPENS, Company
from tests.crash.mail_sender import AFTER_CLAIM, BEFORE_CLAIM, POINTS, send_all
from tests.crash.mail_server import FRIENDLY, MailServer, Mood
from tests.servers import wait_until

SEED = 7
AT_RANDOM = "at random"
CAST = 59  # people of tests/cast.py who are asked

_forks = get_context("forkserver")  # a fresh sender costs no import of everything
_forks.set_forkserver_preload(["tests.crash.mail_sender"])


@dataclass
class Figures:
    messages: int
    kills: Counter[str] = field(default_factory=Counter)  # by point
    killed_after_data: int = 0  # the server had the whole mail, its state was not stored
    cuts_after_data: int = 0
    tries: int = 0
    accepted: int = 0  # messages of which the server took at least one copy
    second_copies: int = 0
    most_copies: int = 0
    changed_copies: int = 0  # people whose copies differ in Message-ID or link
    states: dict[str, int] = field(default_factory=dict)
    seconds: float = 0

    @property
    def faults(self) -> list[str]:
        """What must hold and does not."""
        found = []
        if self.accepted != self.messages:
            found.append(f"{self.messages - self.accepted} messages were never accepted.")
        if self.second_copies > self.killed_after_data + self.cuts_after_data:
            found.append("There are more second copies than kills and cut lines after DATA.")
        if self.changed_copies:
            found.append(f"{self.changed_copies} people got copies that differ in Message-ID or link.")
        if self.states != {"sent": self.messages}:
            found.append(f"Not every message is stored as sent: {self.states}.")
        return found

    def __str__(self) -> str:
        kills = ", ".join(f"{point} {n}" for point, n in sorted(self.kills.items()))
        return "\n".join(
            [
                f"messages                            {self.messages}",
                f"accepted at least once              {self.accepted}",
                f"lost                                {self.messages - self.accepted}",
                f"second copies                       {self.second_copies} (one person got {self.most_copies} at most)",
                f"  senders killed after DATA         {self.killed_after_data}",
                f"  lines cut after DATA              {self.cuts_after_data}",
                f"copies with another Message-ID/link {self.changed_copies}",
                f"senders killed                      {self.kills.total()} ({kills})",
                f"tries                               {self.tries}",
                f"seconds                             {self.seconds:.0f}",
            ]
        )


def bad_day(folder: Path, messages: int, kills: int, mood: Mood | None = None) -> Figures:
    """Deliver a wave of so many invitations to a server in this mood, while so many senders are killed."""
    began, chance = time.monotonic(), random.Random(SEED)
    settings = _open_wave(folder, messages)
    figures = Figures(messages)
    share = max(2, messages // max(kills, 1))  # mails that a sender comes to before it dies
    with MailServer(mood or Mood(), SEED) as server:
        for number in range(kills):
            point = POINTS[number // 2 % len(POINTS)] if number % 2 else AT_RANDOM
            before = Counter(copy.message_id for copy in server.copies)
            sender = _sender(
                settings, server, point, 1 if point in (BEFORE_CLAIM, AFTER_CLAIM) else chance.randint(1, share)
            )
            if point == AT_RANDOM:
                _kill_at_random(sender, server, chance, share)
            sender.join()
            if sender.exitcode != -signal.SIGKILL:
                break  # nothing was left to send
            server.wait_until_quiet()
            figures.kills[point] += 1
            figures.killed_after_data += _taken_but_not_stored(server, before)
        last = _sender(settings, server, None, 0)
        last.join()
        assert last.exitcode == 0, f"The last sender failed: {last.exitcode}"
        server.wait_until_quiet()
        _count_copies(server, figures)
    figures.states = outbox.state_counts()
    figures.seconds = time.monotonic() - began
    database.close()
    return figures


def _open_wave(folder: Path, messages: int) -> Settings:
    """A wave in which so many people are invited, and its mail waits."""
    settings = Settings.from_environment({}, home=str(folder), secret_key="a key for tests")
    open_database(settings)
    with database.atomic():
        company = Company()
        more = [company._values(f"more{number}", "Sales") for number in range(messages - CAST)]
        if more:
            Person.insert_many(more).execute()
        company.open_wave()
    assert Message.select().count() == messages
    return settings


def _sender(settings: Settings, server: MailServer, point: str | None, passes: int) -> BaseProcess:
    process = _forks.Process(target=send_all, args=(settings.home, server.url, point, passes))
    process.start()
    return process


def _kill_at_random(sender: BaseProcess, server: MailServer, chance: random.Random, share: int) -> None:
    """Kill a sender some mails from now, wherever it happens to be."""
    mails = server.tries + chance.randint(0, share)
    wait_until(lambda: server.tries >= mails or not sender.is_alive(), every_seconds=0.002)
    time.sleep(chance.uniform(0, 0.02))
    sender.kill()


def _taken_but_not_stored(server: MailServer, before: Counter[str]) -> int:
    """How many mails the server took in the life of a sender, that the sender left as being sent: one at most."""
    in_hand = {mail_id for (mail_id,) in Message.select(Message.mail_id).where(Message.state == "sending").tuples()}
    after = Counter(copy.message_id for copy in server.copies)
    found = [message_id for message_id in after - before if message_id.strip("<>").split("@")[0] in in_hand]
    assert len(found) <= 1, "One sender left two mails in doubt."
    return len(found)


def _count_copies(server: MailServer, figures: Figures) -> None:
    by_person = defaultdict(list)
    for copy in server.copies:
        by_person[copy.to].append((copy.message_id, copy.link))
    figures.accepted = len(by_person)
    figures.second_copies = len(server.copies) - len({copy.message_id for copy in server.copies})
    figures.most_copies = max(map(len, by_person.values()), default=0)
    figures.changed_copies = sum(len(set(copies)) > 1 for copies in by_person.values())
    figures.cuts_after_data, figures.tries = server.cuts_after_data, server.tries


@dataclass(frozen=True)
class BadAddress:
    outcomes: dict[str, int]
    delivered: int
    shown: bool  # beside the person, on the page of people

    def __str__(self) -> str:
        return f"delivered {self.delivered}, dead {self.outcomes.get('dead', 0)}, shown beside the person: {self.shown}"


def one_bad_address(folder: Path, messages: int) -> BadAddress:
    """Deliver a wave in which the server knows one of the addresses not."""
    settings = _open_wave(folder, messages)
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False
    with MailServer(FRIENDLY, SEED, frozenset({"charlie@mirror.example"})) as server:
        outcomes = sending.deliver(OPENS, composer(app, settings), SmtpTransport(server.url))
        delivered = len({copy.to for copy in server.copies})
    hanna, client = Person.get(Person.email == "hanna@mirror.example"), app.test_client()
    client.post(f"/login/{sign_in_token(hanna.id, hanna.sign_ins, settings)}")
    page = client.get("/hr/people").text
    database.close()
    return BadAddress(dict(outcomes), delivered, "charlie@mirror.example" in page and "550 5.1.1 no such user" in page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000, help=f"at least {CAST}")
    parser.add_argument("--kills", type=int, default=200)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        figures = bad_day(Path(folder), given.messages, given.kills)
    print(figures)
    with TemporaryDirectory() as folder:
        bad = one_bad_address(Path(folder), 500)
    print(f"\none bad address among 500: {bad}")
    faults = figures.faults
    if (bad.outcomes, bad.delivered, bad.shown) != ({"sent": 499, "dead": 1}, 499, True):
        faults.append("The bad address was not all that failed, or is not shown.")
    print("\n".join(faults) or "All holds.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
