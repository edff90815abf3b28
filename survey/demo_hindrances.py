"""What the demo's clients miss, and what its leads say hinders them: excuses, agreement, and a hard look at oneself."""

from survey import mirrors
from survey.measure.excuses import CULTURE, NOTHING, PEOPLE, RESOURCES
from survey.measure.scale import MISSING_REASONS
from survey.models import Department, Leadership, Person, Wave

# What clients of a department miss, one of these as likely as another.
MOSTLY_ATTITUDE = ("attitude", "attitude", "attitude", "attitude", "means", "both")
MOSTLY_MEANS = ("means", "means", "means", "means", "attitude", "both")
MISSED = {
    "Ventas": MOSTLY_ATTITUDE,
    "Logística": MOSTLY_ATTITUDE,
    "Informática": MOSTLY_MEANS,
    "Compras": MOSTLY_MEANS,
}

# What its lead says, from which wave on; others are silent.
SAID = {
    "Ventas": (2, {RESOURCES}),
    "Informática": (4, {RESOURCES, PEOPLE}),
    "Compras": (6, {CULTURE}),
    "Logística": (5, {PEOPLE}),
    "Marketing": (7, {NOTHING}),
    "Almacén": (6, {RESOURCES}),
}


def missed(team: str) -> tuple[str, ...]:
    """What a client of this department may say is missing."""
    return MISSED.get(team, MISSING_REASONS)


def fill(wave: Wave) -> None:
    """Let the leads say, while the wave is open, what hinders them."""
    query = Leadership.select(Leadership, Person, Department).join(Person).switch(Leadership).join(Department)
    for leadership in query.where(Department.name.in_(list(SAID))):
        since, reasons = SAID[leadership.department.name]
        if wave.occurrence >= since:
            mirrors.keep_lead_view(leadership.person, wave, leadership.department, {}, reasons)
