"""What the demo's leads have promised over the two years: kept, credited, late, dropped and still to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from survey import commitments, people, releases
from survey.commitments import Draft
from survey.models import Department, Wave

FRIDAY = 4


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


PROMISES = (
    Promise("Marketing", 3, "improvement", "Enseñamos cada folleto a Ventas antes de imprimirlo.", 60, 48,
            clients=("Ventas",)),
    Promise("Almacén", 3, "openness", "Cada viernes repasamos lo que nos habéis criticado, y lo contestamos.", 50, 45),
    Promise("Calidad", 2, "diligence", "You get the test report on the day of the test, in Spanish and in English.",
            40, 33, clients=("Compras",)),
    Promise("Ventas", 2, "promises", "Un único formulario de pedido para todas las tiendas.", 75,
            dropped_because="El programa de pedidos se cambia entero el año que viene."),
    Promise("Logística", 1, "promises", "Avisamos el mismo día cuando un envío se va a retrasar.", 45, 40,
            clients=("Ventas", "Atención al Cliente")),
    Promise("Informática", 1, "diligence", "Hay una persona de guardia hasta las ocho, también los viernes.", 60, 52,
            clients=("Ventas", "Logística"), suggestion="Bastaría con una persona"),
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


def fill(waves: Sequence[Wave], now: int) -> None:
    """Let the leads promise after `waves`, the latest first, and keep their promises or not until `now`."""
    departments = {department.name: department for department in people.departments()}
    today = datetime.fromtimestamp(now, UTC).date()
    for promise in PROMISES:
        if promise.wave < len(waves):  # a short history has fewer to promise after
            _promise(promise, waves[promise.wave], departments[promise.team], today)


def _promise(promise: Promise, wave: Wave, provider: Department, today: date) -> None:
    closed_on = datetime.fromtimestamp(wave.closed_at, UTC).date()
    due_on = _on_a_workday(today if promise.from_today else closed_on, promise.due_after_days)
    named = releases.named_clients(wave, [provider.id])[provider.id]
    found = commitments.suggestions(releases.comments(wave, [provider.id]).get(provider.id))
    made = commitments.make(
        wave,
        provider,
        Draft(
            promise.item,
            promise.text,
            due_on,
            clients=[client.id for client in named if client.name in promise.clients],
            suggestion=next(
                (one.id for one in found if promise.suggestion and one.text.startswith(promise.suggestion)), None
            ),
        ),
        closed_on,
    )
    if promise.dropped_because:
        commitments.drop(made, promise.dropped_because, min(due_on, today))
    elif promise.done_after_days:
        commitments.finish(made, min(_on_a_workday(closed_on, promise.done_after_days), today))


def _on_a_workday(start: date, days: int) -> date:
    """So many days after `start`, or the Friday before when that is a weekend."""
    day = start + timedelta(days=days)
    return day - timedelta(days=max(0, day.weekday() - FRIDAY))
