"""Who plays in the tests.

Alice leads Finance; Bob leads IT and reads English; Hanna is HR; Adam runs the server; Charlie works in Sales, leads
nothing and must see nothing. Everybody uses everybody. Legal has four people and is never shown alone.
"""

from collections.abc import Callable
from datetime import date

from survey import pulses, responses, waves
from survey.measure.scale import ITEMS
from survey.models import Department, Invitation, Leadership, Person, ServiceLink, Wave
from survey.responses import Answer

K = 5
OPENS = 1_772_438_400  # Monday 2 March 2026, 09:00 in Madrid
DAY = 24 * 3600
SIZES = {"Finance": 12, "IT": 8, "Sales": 20, "Logistics": 15, "Legal": 4}


class Company:
    """The cast, and a quarterly pulse whose first wave opens at OPENS."""

    def __init__(self) -> None:
        self.departments = {name: Department.create(key=name.lower(), name=name) for name in SIZES}
        self.alice = self._person("alice", "Finance", name="Alice Álvarez")
        self.bob = self._person("bob", "IT", name="Bob Brown", language="en")
        self.charlie = self._person("charlie", "Sales", name="Charlie Clark", language="en")
        self.hanna = self._person("hanna", None, name="Hanna Hansen", language="en", role="hr")
        self.adam = self._person("adam", None, name="Adam Adams", language="en", role="admin")
        for name, size in SIZES.items():
            present = Person.select().where(Person.department == self.departments[name]).count()
            for number in range(size - present):
                self._person(f"{name.lower()}{number}", name)
        Leadership.create(person=self.alice, department=self.departments["Finance"])
        Leadership.create(person=self.bob, department=self.departments["IT"])
        for client in self.departments.values():
            for provider in self.departments.values():
                if client != provider:
                    ServiceLink.create(client=client, provider=provider, weight=1)
        self.pulse = pulses.add_pulse("quarterly", "quarterly", date(2026, 3, 2), "Europe/Madrid")

    def _person(self, email: str, department: str | None, **values: object) -> Person:
        given = {"name": email.title(), "language": "es", "department": self.departments.get(department or "")}
        return Person.create(email=f"{email}@mirror.example", **{**given, **values})

    def open_wave(self) -> Wave:
        """Open the pulse's next wave at its planned moment."""
        planned = Wave.get(Wave.pulse == self.pulse, Wave.state == "planned")
        (opened,) = waves.open_due(planned.opens_at, K)
        return Wave.get_by_id(opened.id)

    def answer(self, wave: Wave, about: Callable[[int], Answer] | None = None, share: float = 1.0) -> int:
        """Let the first `share` of the invited answer; `about(provider)` makes each answer. Returns how many did."""
        invitations = list(Invitation.select().where(Invitation.wave == wave).order_by(Invitation.person))
        chosen = invitations[: round(share * len(invitations))]
        for invitation in chosen:
            providers = [int(provider) for provider in invitation.providers.split()]
            responses.accept(invitation.id, [(about or all_fours)(provider) for provider in providers])
        return len(chosen)

    def close_wave(self, wave: Wave) -> Wave:
        """Close an open wave at its planned moment."""
        waves.close_wave(wave, wave.closes_at)
        return Wave.get_by_id(wave.id)

    def released_wave(self, about: Callable[[int], Answer] | None = None) -> Wave:
        """A whole wave in which everybody answers."""
        wave = self.open_wave()
        self.answer(wave, about)
        return self.close_wave(wave)


def all_fours(provider: int) -> Answer:
    return Answer(provider, dict.fromkeys(ITEMS, 4))
