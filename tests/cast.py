"""Who plays in the tests.

Alice leads Finance; Bob leads IT and reads English; Hanna is HR; Adam runs the server; Charlie works in Sales, leads
nothing and must see nothing. Everybody uses everybody. Legal has four people and is never shown alone.
"""

from collections.abc import Callable, Hashable, Iterable
from datetime import date
from itertools import permutations

from survey import pulses, questionnaire, responses, waves
from survey.measure.scale import ITEMS
from survey.models import Department, Invitation, Leadership, Person, ServiceLink, Wave, database
from survey.people import Named
from survey.responses import Answer, Questions
from tests.engines import Shelf

K = 5
OPENS = 1_772_438_400  # Monday 2 March 2026, 09:00 in Madrid
DAY = 24 * 3600
LINK = (ServiceLink.client, ServiceLink.provider, ServiceLink.weight)
SIZES = {"Finance": 12, "IT": 8, "Sales": 20, "Logistics": 15, "Legal": 4}


class Company:
    """The cast, and a quarterly pulse whose first wave opens at OPENS."""

    shelf: Shelf | None = None  # where parts of its story are kept

    def __init__(self) -> None:
        self.departments = {name: Department.create(key=name.lower(), name=name) for name in SIZES}
        self.alice = self._person("alice", "Finance", name="Alice Álvarez")
        self.bob = self._person("bob", "IT", name="Bob Brown", language="en")
        self.charlie = self._person("charlie", "Sales", name="Charlie Clark", language="en")
        self.hanna = self._person("hanna", None, name="Hanna Hansen", language="en", role="hr")
        self.adam = self._person("adam", None, name="Adam Adams", language="en", role="admin")
        for name, size in SIZES.items():
            present = Person.select().where(Person.department == self.departments[name]).count()
            others = [self._values(f"{name.lower()}{number}", name) for number in range(size - present)]
            Person.insert_many(others).execute()
        Leadership.create(person=self.alice, department=self.departments["Finance"])
        Leadership.create(person=self.bob, department=self.departments["IT"])
        pairs = permutations(self.departments.values(), 2)
        ServiceLink.insert_many([(client, provider, 1) for client, provider in pairs], LINK).execute()
        self.pulse = pulses.add_pulse("quarterly", "quarterly", date(2026, 3, 2), "Europe/Madrid")

    def _person(self, email: str, department: str | None, **values: object) -> Person:
        return Person.create(**{**self._values(email, department), **values})

    def _values(self, email: str, department: str | None) -> dict[str, object]:
        return {
            "email": f"{email}@mirror.example",
            "name": email.title(),
            "language": "es",
            "department": self.departments.get(department or ""),
        }

    def once(self, part: Hashable, play: Callable[[], Wave]) -> Wave:
        """The wave that `play` leaves behind, copied when all that has happened so far was played before."""
        if self.shelf is None:
            return play()
        asked = questionnaire.FOLDER, part  # some tests put other questions there
        return Wave.get_by_id(self.shelf.once(asked, lambda: play().id))

    def open_wave(self) -> Wave:
        """Open the pulse's next wave at its planned moment."""
        return self.once("open", self._open_wave)

    def _open_wave(self) -> Wave:
        planned = Wave.get(Wave.pulse == self.pulse, Wave.state == "planned")
        (opened,) = waves.open_due(planned.opens_at, K)
        waves.invite_due(planned.opens_at)  # if there are many
        return Wave.get_by_id(opened.id)

    def answer(self, wave: Wave, about: Callable[[int], Answer] | None = None, share: float = 1.0) -> int:
        """Let the first `share` of the invited answer; `about(provider)` makes each answer. Returns how many did."""
        invitations = list(Invitation.select().where(Invitation.wave == wave).order_by(Invitation.person))
        chosen = invitations[: round(share * len(invitations))]
        self._accept(wave, chosen, about)
        return len(chosen)

    def ask_only_about(self, *names: str) -> None:
        """Nobody uses any other department, so each person is asked about these (its own excepted)."""
        providers = [self.departments[name] for name in names]

        def forget_others() -> int:
            return ServiceLink.delete().where(ServiceLink.provider.not_in(providers)).execute()

        if self.shelf is None:
            forget_others()
        else:
            self.shelf.once(("only", *names), forget_others)

    def rate(self, wave: Wave, client: str, people: int, about: Callable[[int], Answer] | None = None) -> None:
        """Let `people` more of the department `client` answer."""
        unanswered = (
            Invitation.select()
            .join(Person)
            .where(Invitation.wave == wave, ~Invitation.answered, Person.department == self.departments[client])
            .order_by(Person.id)
            .limit(people)
        )
        assert len(unanswered) == people
        self._accept(wave, unanswered, about)

    def _accept(self, wave: Wave, invitations: Iterable[Invitation], about: Callable[[int], Answer] | None) -> None:
        with database.atomic():
            for invitation in invitations:
                providers = [int(provider) for provider in invitation.providers.split()]
                named = tuple(Named(provider, "") for provider in providers)
                group = invitation.client_group_id
                asked = Questions(invitation.id, wave, wave.pulse, None, None, named, False, client_group=group)
                responses.accept(asked, [(about or all_fours)(provider) for provider in providers])

    def close_wave(self, wave: Wave) -> Wave:
        """Close an open wave at its planned moment."""
        waves.close_wave(wave, wave.closes_at)
        return Wave.get_by_id(wave.id)

    def released_wave(self, about: Callable[[int], Answer] | None = None) -> Wave:
        """A whole wave in which everybody answers."""
        if about is None:
            return self.once("released", lambda: self._released_wave(all_fours))
        return self._released_wave(about)

    def _released_wave(self, about: Callable[[int], Answer]) -> Wave:
        wave = self.open_wave()
        self.answer(wave, about)
        return self.close_wave(wave)


def all_fours(provider: int) -> Answer:
    return Answer(provider, dict.fromkeys(ITEMS, 4))


def asked_by(invitation_id: str) -> Questions:
    """What somebody is asked, by an invitation that exists."""
    found = responses.questions(invitation_id)
    assert found
    return found
