"""Random companies whose waves run through the real code, and what each of their people has truly said."""

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing as closed_afterwards
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from unittest import mock

from flask import Flask
from flask.testing import FlaskClient

from survey import closing, create_app, opening, pulses, responses, waves
from survey.database import open_database
from survey.measure.disclosure import Merged
from survey.measure.scale import ITEMS, MISSING_REASONS, OVERALL
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Department,
    Invitation,
    Leadership,
    Person,
    Rating,
    ServiceLink,
    Wave,
    database,
    random_id,
)
from survey.responses import Answer
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.turns import OneWriter
from survey.web import access
from tests.cast import asked_by

SMALLEST_GROUPS = (5, 5, 5, 3, 8)  # k, one of these for each company
LARGEST_DEPARTMENT = 60  # people


@dataclass(frozen=True)
class Atom:
    """The finest that a response can be told by: one client group's answers about a provider on an item, in a wave."""

    wave: int
    provider: str  # name
    clients: frozenset[str]  # names of the departments of a group made at opening
    item: str


Truth = dict[Atom, dict[int, int]]  # each atom's answers: {person: score}


class Laboratory:
    """One process's application, and an empty database in memory for each company."""

    def __init__(self, home: Path) -> None:
        self.settings = Settings.from_environment({}, home=str(home), secret_key="a key for attacks", company="Random")
        open_database(self.settings)
        database.close()
        with closed_afterwards(sqlite3.connect(home / "espejo.sqlite3")) as file:
            file.execute("PRAGMA journal_mode = delete")
            self._empty = file.serialize()
        self.app: Flask = create_app(self.settings)
        self.app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)

    @contextmanager
    def company(self, seed: int, *, one_by_one: bool) -> Iterator["RandomCompany"]:
        """A company whose waves are still to come; its database is gone afterwards.

        Answers come `one_by_one` through responses.accept, or are stored all at once as that stores them, to save time.
        """
        database.initialize(OneWriter(":memory:", pragmas={"foreign_keys": 1}))
        with database.connection_context(), mock.patch.object(access.limiter, "enabled", False):
            database.connection().deserialize(self._empty)
            with database.atomic():
                company = RandomCompany(seed, one_by_one)
            yield company

    def sign_in(self, person: Person) -> FlaskClient:
        return sign_in(self.app, self.settings, person)


def sign_in(app: Flask, settings: Settings, person: Person) -> FlaskClient:
    """A browser that `person` has signed in."""
    current = Person.get_by_id(person.id)
    browser = app.test_client()
    assert browser.post(f"/login/{sign_in_token(current.id, current.sign_ins, settings)}").status_code == 302
    return browser


class RandomCompany:
    """Departments of 1 to 60 people with sparse or dense links, perhaps in divisions, and a pulse."""

    def __init__(self, seed: int, one_by_one: bool) -> None:
        self._one_by_one = one_by_one
        chance = self.chance = Random(seed)
        self.k = chance.choice(SMALLEST_GROUPS)
        self.truth: Truth = defaultdict(dict)
        self.raters: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)  # {(wave, provider): {person: client}}
        self.waves_to_come = chance.randint(2, 4)
        self.departments = [
            Department.create(key=f"team-{number}", name=f"Team {number}") for number in range(chance.randint(3, 9))
        ]
        self._add_divisions()
        self._add_links()
        self._people = 0
        self.hr = self._hire(None, role="hr")
        for department in self.departments:
            lead = self._hire(department, int((LARGEST_DEPARTMENT + 1) ** chance.random()))
            Leadership.create(person=lead, department=department)
        # What kind of people they are, as probabilities.
        self.participation = chance.uniform(0.3, 1)
        self.cannot_say = chance.choice((0, 0.1, 0.4))
        self.no_dealings = chance.choice((0, 0.05, 0.3))
        self.like_minded = chance.random() < 0.1
        self.pulse = pulses.add_pulse("pulse", "quarterly", date(2026, 3, 2), "Europe/Madrid")

    def run_wave(self) -> Wave:
        """Open the next wave and let people answer; it is left open."""
        planned = Wave.get(Wave.pulse == self.pulse, Wave.state == "planned")
        waves.open_due(planned.opens_at, self.k)
        with database.atomic():
            self._answer(Wave.get_by_id(planned.id))
        return Wave.get_by_id(planned.id)

    def close_wave(self, wave: Wave) -> Wave:
        assert waves.close_wave(wave, wave.closes_at)
        return Wave.get_by_id(wave.id)

    def live_on(self) -> None:
        """Between two waves people join, leave and move, and once in a while a department is dissolved."""
        chance = self.chance
        with database.atomic():
            staff = Person.select(Person.id).where(Person.active, Person.department.is_null(False)).order_by(Person.id)
            leaving = [person for (person,) in staff.tuples() if chance.random() < 0.08]
            Person.update(active=False).where(Person.id.in_(leaving)).execute()
            moving = [person for (person,) in staff.tuples() if chance.random() < 0.03]
            Person.update(department=chance.choice(self.departments)).where(Person.id.in_(moving)).execute()
            for department in self.departments:
                self._hire(department, chance.choice((0, 0, 1, 2)))
            if chance.random() < 0.05:
                dissolved = chance.choice(self.departments)
                Department.update(active=False).where(Department.id == dissolved.id).execute()
                Person.update(active=False).where(Person.department == dissolved).execute()

    def _hire(self, department: Department | None, people: int = 1, role: str = "") -> Person:
        """Take on some people; returns the first of them."""
        first = self._people + 1
        self._people += people
        rows = [
            (f"p{number}@random.example", f"Person {number}", "en", department, role)
            for number in range(first, self._people + 1)
        ]
        if rows:
            Person.insert_many(
                rows, [Person.email, Person.name, Person.language, Person.department, Person.role]
            ).execute()
        return Person.get_or_none(Person.email == f"p{first}@random.example")

    def _add_divisions(self) -> None:
        """In most companies: two or three, which are departments themselves or have nobody of their own."""
        if self.chance.random() < 0.4:
            return
        count = self.chance.randint(2, 3)
        if self.chance.random() < 0.5:
            tops = [Department.create(key=f"division-{number}", name=f"Division {number}") for number in range(count)]
        else:
            tops = self.departments[:count]
        for department in self.departments:
            if department not in tops and self.chance.random() < 0.9:
                Department.update(parent=self.chance.choice(tops)).where(Department.id == department.id).execute()

    def _add_links(self) -> None:
        dense = self.chance.random() < 0.5
        for client in self.departments:
            others = [department for department in self.departments if department != client]
            used = others if dense else self.chance.sample(others, min(len(others), self.chance.randint(1, 3)))
            for provider in used:
                ServiceLink.create(client=client, provider=provider, weight=self.chance.choice((0.2, 0.5, 1)))

    def _answer(self, wave: Wave) -> None:
        """Whoever takes part answers by the invitation; what was said is written down as the truth."""
        names = {found.id: found.name for found in Department.select()}
        groups = clients_by_group(wave)
        stored: list[tuple[str, int, list[Answer]]] = []
        query = Invitation.select(
            Invitation.id, Invitation.person, Person.department, Invitation.client_group, Invitation.providers
        ).join(Person)
        for invitation, person, home, group, asked in query.where(Invitation.wave == wave).order_by(Person.id).tuples():
            if self.chance.random() >= self.participation:
                continue
            answers = [self._about(int(provider)) for provider in asked.split()]
            if self._one_by_one:
                assert responses.accept(asked_by(invitation), answers) is responses.Outcome.STORED
            else:
                stored.append((invitation, group, answers))
            for answer in answers:
                provider = names[answer.provider]
                if answer.scores:
                    self.raters[wave.id, provider][person] = names[home]
                for item, score in answer.scores.items():
                    self.truth[Atom(wave.id, provider, groups[group], item)][person] = score
        if stored:
            _store(wave, stored)

    def _about(self, provider: int) -> Answer:
        chance = self.chance
        if chance.random() < self.no_dealings:
            return Answer(provider, {})
        wanted = 2 + provider % 3 + (0 if self.like_minded else chance.gauss(0, 1))
        scores = {
            item: max(1, min(5, round(wanted + (0 if self.like_minded else chance.gauss(0, 0.7)))))
            for item in ITEMS
            if chance.random() >= self.cannot_say
        }
        low = scores.get(OVERALL, 5) <= 2
        return Answer(provider, scores, chance.choice(MISSING_REASONS) if low else None)


def _store(wave: Wave, said: list[tuple[str, int, list[Answer]]]) -> None:
    """What responses.accept leaves in the database for these (invitation, client group, answers)."""
    rows = [
        (random_id(), wave.id, answer.provider, group, json.dumps(answer.answers()))
        for _, group, answers in said
        for answer in answers
        if answer.scores
    ]
    columns = [Rating.id, Rating.wave, Rating.provider, Rating.client_group, Rating.answers]
    Rating.insert_many(rows, columns).execute()
    Invitation.update(answered=True).where(Invitation.id.in_([invitation for invitation, *_ in said])).execute()


def clients_by_group(wave: Wave) -> dict[int, frozenset[str]]:
    """{client group made at opening: the names of its departments}; overview pages tell them while a wave is open."""
    query = (
        ClientGroupDepartment.select(ClientGroup.id, Department.name)
        .join(ClientGroup)
        .switch(ClientGroupDepartment)
        .join(Department)
        .where(ClientGroup.wave == wave, ClientGroup.provider.is_null())
    )
    groups: dict[int, set[str]] = defaultdict(set)
    for group, name in query.tuples():
        groups[group].add(name)
    return {group: frozenset(found) for group, found in groups.items()}


def divisions() -> dict[str, str]:
    """{department: the division it belongs to; itself when it belongs to none}"""
    found = list(Department.select())
    names = {department.id: department.name for department in found}
    return {department.name: names[department.parent_id or department.id] for department in found}


@contextmanager
def hiding_below_k() -> Iterator[None]:
    """Run waves as products do that have a threshold and nothing else.

    Every department stands for itself and every answer enters the totals; pages leave out what is below k.
    """

    def all_alone(people: Mapping[int, int], k: int) -> Merged[int] | None:
        database.execute_sql("PRAGMA ignore_check_constraints = 1")  # the table itself refuses tallies of one or two
        return Merged(tuple(sorted(people)), ()) if sum(people.values()) >= k else None

    with mock.patch.object(opening, "merge", all_alone), mock.patch.object(closing, "merge", all_alone):
        yield


logging.getLogger("survey.waves").addFilter(lambda record: "could not be rewritten" not in record.getMessage())
