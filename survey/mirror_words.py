"""What the three mirrors say, in the reader's language."""

from flask_babel import gettext as _

from survey import wording
from survey.measure.disclosure import Change, Figure
from survey.measure.sight import Pride, Sight
from survey.reflections import LeadReflection, Reflection


def sight_sentence(sight: Sight, blindness: Change | None) -> str:
    """How far off what was expected is; an empty text when nothing was expected, or too few answered to tell."""
    if blindness is None:
        return ""
    words = {"points": abs(blindness.points), "interval": wording.interval(blindness.interval)}
    return {
        Sight.CLEAR: _("What was expected is what clients say: at most 5 points off."),
        Sight.BLIND: _("A blind spot: clients say %(points)s points less than expected (%(interval)s).", **words),
        Sight.MODEST: _("Better than feared: clients say %(points)s more than expected (%(interval)s).", **words),
        Sight.UNSURE: _("These answers cannot tell what was expected from what clients say."),
    }[sight]


def pride_sentence(pride: Pride, complacency: Change | None) -> str:
    """How what people see compares with what they expect to be told; empty when too few answered to tell."""
    if complacency is None:
        return ""
    points = abs(complacency.points)
    return {
        Pride.CONTENT: _("They expect to be seen as they see themselves."),
        Pride.COMPLACENT: _("They think they serve %(points)s points better than clients will say.", points=points),
        Pride.HUMBLE: _("They expect clients to say %(points)s points more than they would themselves.", points=points),
        Pride.UNSURE: "",
    }[pride]


def own_pride_sentence(complacency: int | None) -> str:
    """The same of a lead, who is one person; empty when the lead did not say both."""
    if complacency is None:
        return ""
    if complacency == 0:
        return _("You expected to be seen as you see yourself.")
    if complacency > 0:
        return _("You think you serve %(points)s points better than you expected clients to say.", points=complacency)
    return _("You expected clients to say %(points)s points more than you would yourself.", points=-complacency)


def mirror_sentence(found: Reflection | LeadReflection) -> str:
    """What the three mirrors say on one item, of a department's members or of its lead; empty when nothing."""
    seen = sight_sentence(found.sight, found.blindness)
    felt = (
        own_pride_sentence(found.complacency)
        if isinstance(found, LeadReflection)
        else pride_sentence(found.pride, found.complacency)
    )
    return f"{seen} {felt}".strip()


def view(found: Figure | int | None) -> str:
    """What members see or expect, or a lead, who is one person; a dash where nothing was said."""
    return str(found) if isinstance(found, int) else wording.mean(found)


FILTERS = {"mirror_sentence": mirror_sentence, "view": view}
