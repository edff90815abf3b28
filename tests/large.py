"""A large company's release, written straight into the tables: every department serves a dozen others, or more."""

import random
from datetime import date

from survey import closing
from survey.measure.scale import ITEMS
from survey.models import ClientGroup, ClientGroupDepartment, Department, Pulse, Rated, Release, Tally, Wave, database

WORDS = ("Atención", "Logística", "Investigación", "Mantenimiento", "Calidad", "Compras", "Finanzas", "Sistemas")
PLACES = ("Norte", "Sur", "y Desarrollo de Proyectos", "Central", "Internacional", "de Clientes", "Levante", "Canarias")
CLIENTS = 12  # of each provider, where nothing else is said
PULSE = {
    "questionnaire": "five-practices",
    "cadence": "quarterly",
    "first_date": date(2026, 3, 2),
    "timezone": "Europe/Madrid",
}


def large_release(count: int, seed: int = 1, clients_each: int = CLIENTS) -> Wave:
    """A closed wave in which `count` departments are rated; some of their clients only together with others."""
    chance = random.Random(seed)
    with database.atomic():
        departments = [Department.create(key=f"big-{number}", name=_name(number)) for number in range(count)]
        pulse = Pulse.create(key="large", **PULSE)
        wave = Wave.create(
            pulse=pulse, occurrence=0, local_date=date(2026, 3, 2), opens_at=0, closes_at=1, opened_at=0, closed_at=1,
            state="closed", min_group=5,
        )  # fmt: skip
        alone = {department.id: _group(wave, [department]) for department in departments}
        for place, provider in enumerate(departments):
            clients = [departments[(place + step * 5 + 1) % count] for step in range(clients_each)]
            Rated.create(wave=wave, provider=provider, raters=100)
            groups = [alone[client.id] for client in clients[:-2]] + [_group(wave, clients[-2:], provider)]
            level = chance.uniform(2.2, 4.4)
            Tally.insert_many(
                {"wave": wave, "item": item, "provider": provider, "client_group": group, **_counts(level, chance)}
                for group in groups
                for item in ITEMS
            ).execute()
        Release.create(wave=wave, released_at=1, digest=closing.digest(wave), rewritten=True)
    return wave


def _name(number: int) -> str:
    """No two are alike."""
    again = {0: "", 1: " II"}.get(number // 64, f" {number}")
    return f"{WORDS[number % 8]} {PLACES[number // 8 % 8]}{again}"


def _group(wave: Wave, departments: list[Department], provider: Department | None = None) -> ClientGroup:
    people = {} if provider else {"invited": 20, "answered": 12}
    group = ClientGroup.create(wave=wave, provider=provider, **people)
    for department in departments:
        ClientGroupDepartment.create(client_group=group, department=department)
    return group


def _counts(level: float, chance: random.Random) -> dict[str, int]:
    scores = [max(1, min(5, round(chance.gauss(level, 1)))) for _ in range(chance.choice([6, 8, 12, 15]))]
    return {f"n{score}": scores.count(score) for score in range(1, 6)}
