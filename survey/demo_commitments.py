"""What the demo's leads have promised over the two years: kept, confirmed or not, late, dropped and still to come."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from survey import commitments, people, releases
from survey.commitments import Draft
from survey.models import Commitment, Department, Wave
from survey.notices import Question

FRIDAY = 4
CAN_SAY = 0.85  # probability


@dataclass(frozen=True)
class Promise:
    """A commitment of the demo; days count from the closing of its wave."""

    team: str
    wave: int  # how many waves before the latest release: 0 is the latest
    item: str
    text: str
    due_after_days: int  # from today where `from_today` says so
    done_after_days: int | None = None
    dropped_because: str = ""  # on the day it was due
    clients: tuple[str, ...] = ()  # credited where the release names them
    from_today: bool = False
    suggestion: str = ""  # the first words of the one it comes from, where it was made
    noticed: float = 0.85  # by so many (0–1) of the clients who can say


PROMISES = (
    Promise("Marketing", 3, "improvement", "Enseñamos cada folleto a Ventas antes de imprimirlo.", 60, 48,
            clients=("Ventas",)),
    Promise("Finanzas", 3, "openness", "Una hora abierta cada viernes para revisar facturas juntos.", 50, 45,
            clients=("Ventas", "Compras", "Informática"), noticed=0.2),
    Promise("Almacén", 2, "flexibility", "Un turno de tarde para los pedidos urgentes.", 60, 55,
            clients=("Logística", "Atención al Cliente"), noticed=0.9),
    Promise("Almacén", 3, "openness", "Cada viernes repasamos lo que nos habéis criticado, y lo contestamos.", 50, 45),
    Promise("Calidad", 2, "diligence", "You get the test report on the day of the test, in Spanish and in English.",
            40, 33, clients=("Compras",)),
    Promise("Ventas", 2, "promises", "Un único formulario de pedido para todas las tiendas.", 75,
            dropped_because="El programa de pedidos se cambia entero el año que viene."),
    Promise("Logística", 1, "promises", "Avisamos el mismo día cuando un envío se va a retrasar.", 45, 40,
            clients=("Ventas", "Atención al Cliente")),
    Promise("Informática", 1, "diligence", "Hay una persona de guardia hasta las ocho, también los viernes.", 60, 52,
            clients=("Ventas", "Logística", "Marketing"), suggestion="Bastaría con una persona", noticed=0.35),
    Promise("Recursos Humanos", 0, "openness", "Contestamos cada queja en tres días laborables.", 50, 43,
            clients=("Informática",)),
    Promise("Informática", 0, "improvement", "Cada petición muestra en qué punto está.", 80, 70,
            clients=("Marketing", "Ventas")),
    Promise("Compras", 0, "diligence", "Una dirección para urgencias, con respuesta en cuatro horas.", 45),
    Promise("Finanzas", 0, "flexibility", "Calendario compartido con los plazos de cada cierre.", 160,
            suggestion="Un calendario compartido"),
    Promise("Atención al Cliente", 0, "improvement", "Reunión mensual con Logística para repasar lo que falla.", 2,
            clients=("Logística",), from_today=True),
)  # fmt: skip


def promise(wave: Wave, number: int, now: int) -> None:
    """Let the leads promise what they do after `wave`, which is `number` waves before the latest release."""
    departments = {department.name: department for department in people.departments()}
    for told in PROMISES:
        if told.wave == number:
            _promise(told, wave, departments[told.team], now)


def _promise(told: Promise, wave: Wave, provider: Department, now: int) -> None:
    closed_on = _day(wave.closed_at)
    named = releases.named_clients(wave, [provider.id])[provider.id]
    found = commitments.suggestions(releases.comments(wave, [provider.id]).get(provider.id))
    draft = Draft(
        told.item,
        told.text,
        _on_a_workday(_day(now) if told.from_today else closed_on, told.due_after_days),
        clients=[client.id for client in named if client.name in told.clients],
        suggestion=next((one.id for one in found if told.suggestion and one.text.startswith(told.suggestion)), None),
    )
    commitments.make(wave, provider, draft, closed_on)


def end(now: int) -> None:
    """Let the leads say what is done, or will not be, by this moment."""
    by_text = {told.text: told for told in PROMISES}
    for made in list(Commitment.select().where(Commitment.state == "open")):
        told = by_text[made.text]
        if told.dropped_because and made.due_on <= _day(now):
            commitments.drop(made, told.dropped_because, made.due_on)
        elif told.done_after_days and (day := _on_a_workday(made.made_on, told.done_after_days)) <= _day(now):
            commitments.finish(made, day)


def noticed(asked: Iterable[Question], chance: random.Random) -> dict[int, bool]:
    """What somebody says of what is said to be done."""
    shares = {told.text: told.noticed for told in PROMISES}
    return {
        question.commitment: chance.random() < shares[question.text] for question in asked if chance.random() < CAN_SAY
    }


def _day(moment: int) -> date:
    return datetime.fromtimestamp(moment, UTC).date()


def _on_a_workday(start: date, days: int) -> date:
    """So many days after `start`, or the Friday before when that is a weekend."""
    day = start + timedelta(days=days)
    return day - timedelta(days=max(0, day.weekday() - FRIDAY))
