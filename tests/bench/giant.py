"""A company of as many people as one likes, and a wave of it in which everybody has answered, written straight in."""

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from secrets import token_hex

from survey.database import insert_rows
from survey.measure.rotation import providers_to_ask
from survey.measure.scale import ITEMS
from survey.models import (
    ClientGroup,
    ClientGroupDepartment,
    Department,
    Invitation,
    Person,
    Pulse,
    Rating,
    ServiceLink,
    Wave,
    database,
)
from survey.opening import INVITED
from survey.pulses import add_pulse
from tests.cast import DAY, K
from tests.large import CLIENTS, PLACES, WORDS

DEPARTMENTS = 60
RATED = 3  # providers, by each person
SMALL = 5000  # people of the other wave, at most
PERSON = (
    *(Person.email, Person.name, Person.language, Person.department),
    *(Person.role, Person.active, Person.sign_ins, Person.sessions),
)
LINK = (ServiceLink.client, ServiceLink.provider, ServiceLink.weight)
RATING = (Rating.id, Rating.wave, Rating.provider, Rating.client_group, Rating.answers, Rating.added)

Links = dict[int, dict[int, float]]  # {client: {provider: weight}}


def company(people: int) -> Links:
    """So many people in sixty departments, each of which uses a dozen others; and one of HR. No pulse yet."""
    with database.atomic():
        ids = [_department(number) for number in range(DEPARTMENTS)]
        rows = ((f"p{n}@mirror.example", f"Person {n}", "es", ids[n % DEPARTMENTS], "", 1, 0, 0) for n in range(people))
        insert_rows(Person, PERSON, rows)
        Person.create(email="hanna@mirror.example", name="Hanna", language="es", role="hr")
        links = {
            client: {ids[(place + step * 5 + 1) % DEPARTMENTS]: 1.0 for step in range(CLIENTS)}
            for place, client in enumerate(ids)
        }
        insert_rows(ServiceLink, LINK, ((client, used, 1) for client, providers in links.items() for used in providers))
    return links


def _department(number: int) -> int:
    name = f"{WORDS[number % 8]} {PLACES[number // 8]}"
    return Department.create(key=f"giant-{number}", name=name).id


def pulse(key: str) -> Pulse:
    """A quarterly pulse for everybody, whose first wave is a week away."""
    first = datetime.fromtimestamp(time.time() + 7 * DAY, UTC).date()
    return add_pulse(key, "quarterly", first, "Europe/Madrid")


def answered_wave(links: Links, people: int) -> Wave:
    """An open wave whose first `people` have all been asked, and have rated three providers on every item."""
    with database.atomic():
        wave = open_wave("answered", people)
        groups = dict(
            ClientGroupDepartment.select(ClientGroupDepartment.department, ClientGroup.id)
            .join(ClientGroup)
            .where(ClientGroup.wave == wave)
            .tuples()
        )
        departments = sorted(groups)
        asked = [
            (departments[n % DEPARTMENTS], providers_to_ask(links[departments[n % DEPARTMENTS]], RATED, n, 0))
            for n in range(min(people, DEPARTMENTS * 40))
        ]
        turns = (asked[n % len(asked)] for n in range(people))
        insert_rows(Invitation, INVITED, _invitations(wave, groups, people))
        insert_rows(Rating, RATING, _ratings(wave, groups, turns))
    return wave


def small_wave(links: Links) -> Wave:
    """An open wave of another pulse, in which nobody of a few thousand has answered yet."""
    with database.atomic():
        wave = open_wave("small", SMALL)
        group = ClientGroup.get(ClientGroup.wave == wave)
        providers = " ".join(map(str, list(next(iter(links.values())))[:RATED]))
        person = Person.select(Person.id).where(Person.role == "").order_by(Person.id).limit(SMALL)
        rows = ((_id(n), wave.id, id_, group.id, providers, 0) for n, (id_,) in enumerate(person.tuples()))
        insert_rows(Invitation, INVITED, rows)
    return wave


def open_wave(key: str, people: int) -> Wave:
    """An open wave with its client groups, and no invitations yet."""
    planned = Wave.get(Wave.pulse == pulse(key))
    Wave.update(state="open", opened_at=int(time.time()), min_group=K).where(Wave.id == planned.id).execute()
    for department in Department.select():
        group = ClientGroup.create(wave=planned, invited=max(K, people // DEPARTMENTS))
        ClientGroupDepartment.create(client_group=group, department=department)
    return Wave.get_by_id(planned.id)


def _invitations(wave: Wave, groups: dict[int, int], people: int) -> Iterator[tuple[object, ...]]:
    """Ids in order, so that they are quickly written; what lies in the file is the same."""
    person = Person.select(Person.id, Person.department).where(Person.role == "").order_by(Person.id).limit(people)
    for number, (id_, department) in enumerate(database.execute(person).fetchall()):
        yield _id(number), wave.id, id_, groups[department], "", 1


def _ratings(
    wave: Wave, groups: dict[int, int], turns: Iterator[tuple[int, list[int]]]
) -> Iterator[tuple[object, ...]]:
    """Most people give fours and threes; no two of a thousand rate alike on all items."""
    chance = random.Random(1)
    texts = [
        json.dumps(dict(zip(ITEMS, scores, strict=True)), sort_keys=True)
        for scores in product((2, 3, 4, 5), repeat=len(ITEMS))
    ]
    number = 0
    for department, providers in turns:
        for provider in providers:
            yield _id(number), wave.id, provider, groups[department], chance.choice(texts), 0
            number += 1


def _id(number: int) -> str:
    return f"{number:012x}{token_hex(10)}"
