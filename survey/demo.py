"""The demo: a company with two years of history, made by the functions that real waves go through."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from survey import (
    demo_commitments,
    demo_conversation,
    demo_hindrances,
    duties,
    erasure,
    external,
    links,
    outside,
    people,
    pulses,
    receipts,
    releases,
    responses,
    roster,
    sending,
    waves,
)
from survey.measure.cadence import SATURDAY, occurrence
from survey.measure.scale import ITEMS, OVERALL
from survey.models import Invitation, Person, Pulse, Touchpoint, TouchpointDepartment, Wave, database, random_id
from survey.responses import WITH_RECEIPT, Answer
from survey.settings import Settings
from survey.sheets import slug, write_csv
from survey.transport import Mail
from survey.workdays import is_holiday

SEED = 20
WAVES_OF_HISTORY = 8
OPEN_FOR_DAYS = 3  # the running wave opened this long ago, or on the working day before
ZONE = "Europe/Madrid"
HOLIDAYS = "ES-MD"
PULSE = "trimestral"


@dataclass(frozen=True)
class Team:
    """A department of the demo, and how it serves: points of each practice at the start, and drift per wave."""

    name: str
    people: int
    level: float
    strong: str
    weak: str
    drift: float = 0.0
    outside: float | None = None  # what customers think, where they meet it
    touchpoint: str = ""
    turn: float = 0.0  # what changed for the last wave of the history

    def level_in(self, number: int) -> float:
        """How it serves in wave `number`, in points."""
        return self.level + self.drift * number + self.turn * (number >= WAVES_OF_HISTORY - 1)


TEAMS = (
    Team("Ventas", 32, 52, "flexibility", "promises", -0.6, 81, "Asesoramiento comercial"),
    Team("Atención al Cliente", 28, 74, "diligence", "improvement", 0.4, 76, "Servicio posventa"),
    Team("Logística", 26, 60, "promises", "flexibility", 1.8, 66, "Entrega"),
    Team("Almacén", 24, 66, "diligence", "openness", 0.0),
    Team("Informática", 18, 48, "openness", "diligence", 0.6, turn=15),
    Team("Marketing", 16, 63, "improvement", "promises", 0.0, 61, "Web y folletos"),
    Team("Finanzas", 16, 68, "promises", "openness", -0.3, 54, "Facturación"),
    Team("Compras", 14, 66, "openness", "flexibility", turn=-15),
    Team("Recursos Humanos", 10, 71, "openness", "improvement", 0.0),
    Team("Calidad", 8, 76, "improvement", "flexibility", 0.2),
    Team("Legal", 4, 64, "promises", "diligence", 0.0),
    Team("Mantenimiento", 4, 79, "diligence", "improvement", 0.0),
)

# Who uses whom, and how much.
LINKS: dict[str, dict[str, float]] = {
    "Ventas": {"Logística": 1, "Marketing": 0.8, "Finanzas": 0.6, "Informática": 0.6,
               "Atención al Cliente": 0.5, "Legal": 0.3},
    "Atención al Cliente": {"Ventas": 1, "Logística": 0.9, "Informática": 0.7, "Almacén": 0.5,
                            "Calidad": 0.5, "Finanzas": 0.4},
    "Logística": {"Almacén": 1, "Ventas": 0.8, "Compras": 0.6, "Informática": 0.5,
                  "Mantenimiento": 0.4, "Atención al Cliente": 0.4},
    "Almacén": {"Compras": 0.9, "Logística": 0.9, "Mantenimiento": 0.6, "Calidad": 0.5,
                "Recursos Humanos": 0.4, "Ventas": 0.4},
    "Informática": {"Compras": 0.6, "Finanzas": 0.6, "Recursos Humanos": 0.6, "Ventas": 0.5, "Legal": 0.3},
    "Marketing": {"Ventas": 1, "Informática": 0.7, "Finanzas": 0.5, "Legal": 0.5, "Atención al Cliente": 0.5},
    "Finanzas": {"Ventas": 0.9, "Compras": 0.8, "Informática": 0.7, "Recursos Humanos": 0.4, "Legal": 0.3},
    "Compras": {"Finanzas": 0.9, "Almacén": 0.8, "Calidad": 0.6, "Informática": 0.4, "Legal": 0.4},
    "Recursos Humanos": {"Informática": 0.8, "Finanzas": 0.7, "Legal": 0.5, "Marketing": 0.3},
    "Calidad": {"Almacén": 0.9, "Compras": 0.8, "Logística": 0.6, "Mantenimiento": 0.5},
    "Legal": {"Finanzas": 0.6, "Recursos Humanos": 0.6, "Ventas": 0.6, "Compras": 0.5},
    "Mantenimiento": {"Compras": 0.9, "Almacén": 0.7, "Recursos Humanos": 0.3, "Finanzas": 0.3},
}  # fmt: skip

# Who also deals with whom, without a link yet, and how many of them say so: what HR is suggested.
ADDED = {"Ventas": ("Almacén", 0.35), "Marketing": ("Logística", 0.6)}

DIVISIONS = {
    name: division
    for division, names in {
        "Comercial": ("Ventas", "Atención al Cliente", "Marketing"),
        "Operaciones": ("Logística", "Almacén", "Compras", "Calidad", "Mantenimiento"),
        "Servicios centrales": ("Informática", "Finanzas", "Recursos Humanos", "Legal"),
    }.items()
    for name in names
}

# Who serves whom worse than its other clients, by so many points: sales promises what logistics has to deliver.
STRAINED = {("Logística", "Ventas"): 24}  # (client, provider)

ATTRIBUTED = {"Entrega": "Almacén"}  # touchpoints that also speak for a department customers never meet

FIRST_NAMES = (
    "Lucía Martín Sofía Hugo María Pablo Paula Daniel Carla Álvaro Elena Adrián Julia Mario Irene David Nuria Javier "
    "Marta Óscar Ana Iván Laura Sergio Inés Rubén Clara Andrés Alba Diego Rocío Nicolás Teresa Víctor Olga Emma James "
    "Íñigo Begoña Gonzalo"
).split()
LAST_NAMES = (
    "García López Sánchez Pérez Gómez Fernández Ruiz Díaz Moreno Muñoz Álvarez Romero Alonso Gutiérrez Navarro Torres "
    "Domínguez Vázquez Ramos Gil Ramírez Serrano Blanco Molina Ortega Delgado Castro Ortiz Rubio Marín Núñez Iglesias "
    "Medina Garrido Cortés Castillo Santos Lozano Guerrero Cano"
).split()
ENGLISH_EVERY = 9  # one person in nine reads English

CUSTOMERS = 700  # answers for each touchpoint and item, over the whole history
NO_DEALINGS = 0.04  # probabilities
CANNOT_SAY = 0.15
COMMENTS = 0.14


@dataclass
class Deck:
    """What people will say about a department in one wave, and which of them takes a receipt with it."""

    texts: dict[str, list[str]]  # by kind, in the order in which they will be said
    codes: dict[str, str] = field(default_factory=dict)  # by what was said

    def draw(self, kind: str) -> str:
        """The next comment of this kind; whoever expects a reply takes a receipt."""
        text = self.texts[kind].pop()
        if kind in WITH_RECEIPT:
            self.codes[text] = receipts.new_code()
        return text

    def digest(self, text: str) -> str | None:
        """What is stored of the receipt that was taken with this comment."""
        return receipts.digest(self.codes[text]) if text in self.codes else None


SAID: dict[str, tuple[str, ...]] = {
    "thanks": (
        "Cuando les llamo con prisa siempre encuentran un hueco. Gracias.",
        "Desde enero avisan antes de que haya un retraso, y se nota.",
        "Muy amables y resuelven a la primera.",
        "They explained the new form to the whole team. Very helpful.",
        "Da gusto trabajar con gente que cumple lo que dice.",
        "Se ofrecieron a ayudar en el cierre sin que lo pidiéramos.",
    ),
    "complaint": (
        "Prometieron una respuesta en dos días y tardaron tres semanas.",
        "Cuando algo falla, lo primero que oigo es que no es cosa suya.",
        "Los correos quedan sin contestar si no pones en copia a alguien de dirección.",
        "Every request needs the same form twice. Nobody seems to read the first one.",
        "Dicen que no tienen medios, pero nadie llama para avisar.",
        "Cambian los plazos sin decirlo y nos enteramos por el cliente.",
    ),
    "suggestion": (
        "Un calendario compartido con los plazos evitaría la mitad de las llamadas.",
        "Bastaría con una persona de guardia los viernes por la tarde.",
        "Podrían avisar por correo cuando cambie el estado de la petición.",
        "A short meeting each month with the teams they serve would help a lot.",
        "Que publiquen una lista de lo que necesitan desde el principio.",
        "Probar el cambio con un departamento antes de imponerlo a todos.",
    ),
}  # fmt: skip


def settings(home: Path, port: int) -> Settings:
    """The settings of a demo: its own home, its own address, and mail that goes to the mailbox page."""
    return Settings.from_environment(
        {},
        home=str(home),
        base_url=f"http://127.0.0.1:{port}",
        company="Almacenes Espejo",
        mail_from="espejo@almacenes.example",
        smtp_url="smtp://mailbox.invalid",  # mail is taken by the mailbox, see Mailbox
        rest_days="0",  # whoever tries it out opens one wave after another
    )


def fill(settings: Settings, now: int, deliver: Callable[[int], object]) -> None:
    """Make the company, its history and the running wave; nothing, when the home folder has one already.

    `deliver(moment)` sends the running wave's mail; that of the history is forgotten or thrown away.
    """
    if Person.select().exists():
        return
    chance = random.Random(SEED)  # noqa: S311 - the same company every time
    with TemporaryDirectory() as scratch:
        _import_company(Path(scratch), settings, chance)
        pulse = pulses.add_pulse(PULSE, "quarterly", _first_day(now), ZONE, holidays=HOLIDAYS)
        _import_customers(Path(scratch), pulse.first_date, now, chance)
    for number in range(WAVES_OF_HISTORY):
        wave, unsaid = _open(pulse, number, settings), _decks(chance)
        for moment, share in ((wave.opens_at, 0.74), (wave.closes_at - 1, 0.25)):
            waves.remind_due(moment)
            _throw_mail_away(moment, number)
            _answer(wave, share, unsaid, chance)
        demo_hindrances.fill(wave)
        waves.close_due(wave.closes_at)
        _throw_mail_away(wave.closes_at, number)
        demo_commitments.promise(Wave.get_by_id(wave.id), WAVES_OF_HISTORY - 1 - number, now)
    codes = [code for deck in unsaid.values() for code in deck.codes.values()]
    released = releases.released_waves()
    demo_conversation.fill(released[0], codes)
    for wave in released:
        demo_conversation.answer(wave, now)
    erasure.forget_due(now, int(settings.retention_days))
    wave = _open(pulse, WAVES_OF_HISTORY, settings)
    demo_commitments.end(now)
    morning = _last_morning(now)
    duties.recall_promises(morning, ZoneInfo(ZONE))
    duties.report_late(morning, ZoneInfo(ZONE))
    deliver(morning)
    _answer(wave, 0.3, _decks(chance), chance)


def _last_morning(now: int) -> int:
    """Half past nine of today, or of the working day before."""
    found = datetime.fromtimestamp(now, ZoneInfo(ZONE)).replace(hour=9, minute=30, second=0)
    while found.timestamp() > now or found.weekday() >= SATURDAY:
        found -= timedelta(days=1)
    return int(found.timestamp())


def _throw_mail_away(moment: int, number: int) -> None:
    """Deliver the last wave's mail to nobody, unwritten; that of earlier waves is forgotten anyway."""
    if number < WAVES_OF_HISTORY - 1:
        return
    with database.atomic():
        sending.deliver(moment, lambda _message, _now: Mail("", "", b""), Nowhere())


class Nowhere:
    """Takes mail and keeps none of it."""

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        """Nobody reads it."""

    def close(self) -> None:
        """Nothing was open."""


def _first_day(now: int) -> date:
    """The pulse's first day: so long ago that the wave after the history opened a few days ago, on a working day."""
    opened = datetime.fromtimestamp(now, ZoneInfo(ZONE)).date() - timedelta(days=OPEN_FOR_DAYS)
    while opened.weekday() >= SATURDAY or is_holiday(HOLIDAYS, opened):
        opened -= timedelta(days=1)
    return occurrence(pulses.load_cadence("quarterly"), opened, -WAVES_OF_HISTORY)


def _open(pulse: Pulse, number: int, settings: Settings) -> Wave:
    planned = Wave.get(Wave.pulse == pulse, Wave.occurrence == number)
    demo_commitments.end(planned.opens_at)
    waves.open_due(planned.opens_at, settings.smallest_group)
    return Wave.get_by_id(planned.id)


# --- The company ---------------------------------------------------------------------------------------------------


def _import_company(scratch: Path, settings: Settings, chance: random.Random) -> None:
    """People and links, by way of the files that a real company would bring."""
    names = [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES]
    chance.shuffle(names)
    rows: list[tuple[str, ...]] = []
    for team in TEAMS:
        for place in range(team.people):
            name = names.pop()
            language = "en" if len(rows) % ENGLISH_EVERY == 4 else "es"
            role = "hr" if team.name == "Recursos Humanos" and place == 1 else ""
            leads = team.name if place == 0 else ""
            email = f"{slug(name).replace('-', '.')}@almacenes.example"
            rows.append((email, name, team.name, language, leads, role, DIVISIONS[team.name]))
    roster.import_people(_write(scratch / "people.csv", roster.PEOPLE_COLUMNS, rows), settings.language)
    uses = [(client, provider, weight) for client, used in LINKS.items() for provider, weight in used.items()]
    links.import_links(_write(scratch / "links.csv", links.LINK_COLUMNS, uses))


def _import_customers(scratch: Path, first: date, now: int, chance: random.Random) -> None:
    """Customers' answers of the whole history, day by day."""
    days = (datetime.fromtimestamp(now, UTC).date() - first).days
    rows = [
        (team.touchpoint, item, first + timedelta(days=chance.randrange(days)), _score(team.outside, chance))
        for team in TEAMS
        if team.outside is not None
        for item in (OVERALL, "promises", "diligence", "flexibility")
        for _ in range(CUSTOMERS)
    ]
    file = _write(scratch / "customers.csv", ("touchpoint", "item", "date", "score"), rows)
    external.import_external(file, None, now)
    departments = {department.name: department.id for department in people.departments()}
    for team in TEAMS:
        if team.touchpoint:
            touchpoint = Touchpoint.get(Touchpoint.name == team.touchpoint)
            outside.set_departments(touchpoint.id, {departments[team.name]: 1.0}, attributed=False)
    for touchpoint_name, department in ATTRIBUTED.items():
        TouchpointDepartment.create(
            touchpoint=Touchpoint.get(Touchpoint.name == touchpoint_name),
            department=departments[department],
            weight=1.0,
            attributed=True,
        )


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.write_text("".join(write_csv(header, rows)), encoding="utf-8")
    return path


# --- The answers ---------------------------------------------------------------------------------------------------


def _decks(chance: random.Random) -> dict[int, Deck]:
    """By department: all comments, shuffled. In one wave each is said at most once about a department."""
    return {
        department.id: Deck({kind: chance.sample(texts, len(texts)) for kind, texts in SAID.items()})
        for department in people.departments()
    }


def _answer(wave: Wave, share: float, unsaid: dict[int, Deck], chance: random.Random) -> None:
    """Let `share` of those who have not answered do so."""
    named = {team.name: team for team in TEAMS}
    teams = {department.id: named[department.name] for department in people.departments()}
    ids = {team.name: department for department, team in teams.items()}
    others = random.Random(f"{SEED} {wave.occurrence} {share}")  # noqa: S311 - the same every time
    eyes = random.Random(f"{SEED} noticed {wave.occurrence} {share}")  # noqa: S311
    waiting = Invitation.select(Invitation.id).join(Person).where(Invitation.wave == wave, ~Invitation.answered)
    everybody = [responses.questions(found) for (found,) in list(waiting.order_by(Invitation.person).tuples())]
    with database.atomic():
        for asked in filter(None, everybody):
            if chance.random() >= share:
                continue
            own = teams[asked.department_id or 0].name
            mood = chance.gauss(0, 8)
            answers = [
                _about(
                    provider,
                    teams[provider],
                    wave.occurrence,
                    mood - STRAINED.get((own, teams[provider].name), 0),
                    unsaid[provider],
                    chance,
                )
                for provider in asked.provider_ids
            ]
            added, probability = ADDED.get(own, ("", 0))
            if added and others.random() < probability:
                silent = Deck({})
                answers.append(_about(ids[added], named[added], wave.occurrence, mood, silent, others))
            responses.accept(asked, answers, demo_commitments.noticed(asked.noticeable, eyes))


def _about(provider: int, team: Team, number: int, mood: float, unsaid: Deck, chance: random.Random) -> Answer:
    """One person's answer about one provider."""
    if chance.random() < NO_DEALINGS:
        return Answer(provider, {})
    scores = {}
    for item in ITEMS:
        if chance.random() >= (CANNOT_SAY if item in ("openness", "improvement") else CANNOT_SAY / 3):
            wanted = team.level_in(number) + mood + 9 * (item == team.strong) - 11 * (item == team.weak)
            scores[item] = _score(wanted, chance)
    low = scores.get(OVERALL, 5) <= 2
    comment, kind = _comment(scores.get(OVERALL, 3), unsaid, chance)
    missing = chance.choice(demo_hindrances.missed(team.name)) if low else None
    return Answer(provider, scores, missing, comment, kind, unsaid.digest(comment))


def _comment(overall: int, unsaid: Deck, chance: random.Random) -> tuple[str, str | None]:
    """Words that fit the score and that nobody has said yet, taken from `unsaid`."""
    fitting = {1: ("complaint",), 2: ("complaint", "suggestion"), 3: ("suggestion",)}
    kind = chance.choice(fitting.get(overall, ("thanks", "suggestion")))
    if chance.random() >= COMMENTS or not unsaid.texts.get(kind):
        return "", None
    return unsaid.draw(kind), kind


def _score(points: float, chance: random.Random) -> int:
    """A score of 1–5 around a value of 0–100."""
    return max(1, min(5, round(1 + (points + chance.gauss(0, 22)) / 25)))


# --- The mailbox ---------------------------------------------------------------------------------------------------


class Mailbox:
    """Takes the demo's mail in place of a mail server, and keeps each message as a file."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.make_home() / "mailbox"
        self._folder.mkdir(exist_ok=True)
        self._latest = 0  # two mails may come in one tick of a coarse clock

    def send(self, mail: Mail, meanwhile: Callable[[], None]) -> None:
        draft = self._folder / f".{random_id()}"
        draft.write_bytes(mail.content)
        self._latest = max(time.time_ns(), self._latest + 1)
        draft.rename(self._folder / f"{self._latest}.eml")

    def close(self) -> None:
        """Nothing to end: a folder holds no conversation."""

    def messages(self) -> list[str]:
        """The names of all messages, the latest first."""
        return sorted((path.stem for path in self._folder.glob("*.eml")), reverse=True)

    def read(self, key: str) -> EmailMessage | None:
        """The message of this name, or None."""
        path = self._folder / f"{key}.eml"
        if not key.isdecimal() or not path.is_file():
            return None
        return BytesParser(EmailMessage, policy=policy.default).parsebytes(path.read_bytes())
