"""What is asked beside the scores: whether clients noticed what is done, and how members see their own department.

Who truly said what is written down; then every page that tells of it is read, and held against that.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from flask.testing import FlaskClient

from survey import commitments, mirrors, notices, releases
from survey.commitments import Draft
from survey.models import Commitment, Department, Invitation, Leadership, NoticeQuestion, Person, Wave
from tests.attack.companies import Atom, Truth
from tests.attack.pages import Page
from tests.attack.published import NAMES, read
from tests.attack.solver import attack
from tests.cast import asked_by

EXACT_FROM = 10
TALKATIVE = (0.25, 0.8)  # the probability that somebody says anything of it: one of these in each wave
PROMISE = re.compile(r"<strong>(Promise \d+)</strong>(.*?)</p>", re.DOTALL)
CLAIM = re.compile(r'<small class="claim[^"]*">([^<]+)</small>')
BAND = r"(?:\d+ to \d+|100 or more)"
IN_WORDS = re.compile(
    rf"Confirmed: of {BAND} clients who could say, most noticed it\."
    rf"|Not confirmed: of {BAND} clients who could say, most did not\."
    rf"|Not confirmed: the {BAND} clients who could say are divided\."
)
IN_NUMBERS = re.compile(rf"(?:Not c|C)onfirmed: of {BAND} clients who could say, (\d+)% noticed it \(\d+% to \d+%\)\.")


@dataclass
class Beside:
    """The promises of a random company, who noticed them, and its members' own views: people by what they said."""

    seed: int
    k: int
    noticed: dict[int, dict[int, bool]] = field(default_factory=lambda: defaultdict(dict))  # {commitment: {person: …}}
    asked: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))  # {commitment: people}
    own: dict[tuple[int, str, str, str], dict[int, int]] = field(default_factory=lambda: defaultdict(dict))
    homes: dict[int, str] = field(default_factory=dict)  # {person: the department they answered from}

    def __post_init__(self) -> None:
        self.chance = Random(f"{self.seed} beside")  # so that what people say of others stays as it is

    # --- What happens ----------------------------------------------------------------------------------------------

    def promise(self, wave: Wave) -> None:
        """After a wave each provider promises up to three things to some of its clients; most are done at once."""
        providers = {department.id: department for department in Department.select().where(Department.active)}
        day = wave.local_date + timedelta(days=30)
        for provider, clients in releases.named_clients(wave, providers).items():
            for _ in range(self.chance.randint(0, 3)):
                number = Commitment.select().count() + 1
                some = [client.id for client in clients if self.chance.random() < 0.6]
                draft = Draft("promises", f"Promise {number}", day + timedelta(days=30), some)
                is_done = self.chance.random() < 0.8
                commitments.make(wave, providers[provider], draft, day, is_done=is_done)

    def speak(self, wave: Wave) -> None:
        """Those who are asked say whether they noticed; members say how they see their own department."""
        leads, talkative = set(Leadership.select(Leadership.person).tuples()), self.chance.choice(TALKATIVE)
        query = Invitation.select(Invitation, Person, Department).join(Person).join(Department)
        for invitation in list(query.where(Invitation.wave == wave).order_by(Person.id)):
            person, home = invitation.person, invitation.person.department
            self.homes[person.id] = home.name
            said = {}
            for question in asked_by(invitation.id).noticeable:
                self.asked[question.commitment].add(person.id)
                if self.chance.random() < talkative:
                    said[question.commitment] = self.chance.random() < 0.6
                    self.noticed[question.commitment][person.id] = said[question.commitment]
            if said:
                notices.store(wave, said)
            if (person.id,) not in leads and self.chance.random() < talkative and mirrors.rated([home]):
                self._mirror(wave, invitation, home.name)

    def _mirror(self, wave: Wave, invitation: Invitation, home: str) -> None:
        views = {
            view: {item: self.chance.randint(1, 5) for item in NAMES.values() if self.chance.random() < 0.6}
            for view in ("self", "prediction")
        }
        if not any(views.values()):
            return
        assert mirrors.accept(invitation.id, views) is mirrors.Outcome.STORED
        for view, scores in views.items():
            for item, score in scores.items():
                self.own[wave.id, home, view, item][invitation.person_id] = score

    # --- What is told ----------------------------------------------------------------------------------------------

    def check(self, hr: FlaskClient, leads: Sequence[FlaskClient], waves: Sequence[Wave]) -> int:
        """Read all that is told of it, find nobody, and return of how many things enough was said to be told."""
        keys = [department.key for department in Department.select().where(Department.active)]
        pages = [read(hr, f"/hr/departments/{key}?wave={wave.id}") for key in keys for wave in waves]
        assert not any("Your people" in page for page in pages), "HR is told of members' own views."
        of_leads = [(wave, read(lead, f"/lead/?wave={wave.id}")) for lead in leads for wave in waves]
        told: dict[str, set[str]] = defaultdict(set)
        for page in pages + [page for _, page in of_leads]:
            for text, rest in PROMISE.findall(page):
                told[text].update(CLAIM.findall(rest))
        shown = sum(self._check_claim(made, told[made.text]) for made in Commitment.select() if made.text in told)
        for wave, page in of_leads:
            shown += self._check_mirrors(wave, page)
        self._check_sums()
        return shown

    def _check_claim(self, made: Commitment, sentences: set[str]) -> bool:
        """Whatever page is read, it tells the same, and no more than the number of answers lets it."""
        assert len(sentences) == (made.state == "done"), sentences
        said = self.noticed.get(made.id, {})
        for sentence in sentences:
            if not self.asked.get(made.id):
                assert sentence.startswith("Claimed"), sentence
            elif len(said) < self.k:
                assert sentence.startswith("Too few answers"), sentence
            elif len(said) < EXACT_FROM:
                assert IN_WORDS.fullmatch(sentence), sentence
            else:
                found = IN_NUMBERS.fullmatch(sentence)
                assert found, sentence
                assert abs(int(found[1]) - 100 * sum(said.values()) / len(said)) <= 1
        return len(said) >= self.k

    def _check_mirrors(self, wave: Wave, page: str) -> int:
        """What members see and expect is told where at least k of them said it, and only there."""
        shown = 0
        for table in Page(page).tables:
            if table.columns[2:4] == ["Your people expected", "Your people see"]:
                for name, _, expected, seen, _ in table.body:
                    for view, cell in (("prediction", expected), ("self", seen)):
                        said = self.own.get((wave.id, table.headings["h2"], view, NAMES[name.text]), {})
                        assert (cell.text != "–") == (len(said) >= self.k), (table.headings, view, name.text)
                        assert cell.text.startswith("≈") == (self.k <= len(said) < EXACT_FROM)
                        shown += cell.text != "–"
        return shown

    def _check_sums(self) -> None:
        """Even if all that a department promises meant the same, no sum taken from another leaves fewer than k."""
        truth: Truth = defaultdict(dict)
        sums = []
        asked_in = _questions()
        providers = {made.id: made.provider.name for made in Commitment.select(Commitment, Department).join(Department)}
        for made, said in self.noticed.items():
            atoms = set()
            for person, noticed in said.items():
                atom = Atom(asked_in[made], providers[made], frozenset([self.homes[person]]), "noticed")
                assert person not in truth[atom], "Two sums about one provider hold the same person."
                truth[atom][person] = 5 if noticed else 1
                atoms.add(atom)
            if len(said) >= self.k:
                sums.append(frozenset(atoms))
        assert attack(sums, truth, self.k).recoveries == []


def _questions() -> dict[int, int]:
    """{commitment: the wave that asked about it}"""
    rows = set(NoticeQuestion.select(NoticeQuestion.commitment, NoticeQuestion.wave).tuples())
    found = dict(rows)
    assert len(found) == len(rows), "A commitment was asked about in two waves."
    return found
