"""What a gap says, in the reader's language: its state, and sentences about the company, departments and practices."""

from collections import Counter
from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from flask_babel import ngettext

from survey import wording
from survey.measure.gaps import Gap, State
from survey.measure.scale import OVERALL
from survey.refusal import _l
from survey.releases import GapRow, Sides

NAMES = {
    State.ALIGNED: _l("Aligned"),
    State.FACADE: _l("Façade"),
    State.INWARD: _l("Inward"),
    State.NOT_ENOUGH: _l("Not enough answers"),
}
REASONS = {
    State.ALIGNED: _l("Colleagues and customers are served alike: almost certainly within 5 points."),
    State.FACADE: _l("Customers are served better than colleagues: a light in the street, darkness at home."),
    State.INWARD: _l("Colleagues are served better than customers."),
    State.NOT_ENOUGH: _l("These answers are too few to tell inside and outside apart, or one side has none."),
}
GAP_REASONS = {
    State.FACADE: _l("The gap is %(interval)s: all of it better outside."),
    State.INWARD: _l("The gap is %(interval)s: all of it better inside."),
    State.ALIGNED: _l("The gap is %(interval)s: at most 5 points either way."),
    State.NOT_ENOUGH: _l("The gap may be anything from %(interval)s: these answers cannot tell."),
}


def state_name(state: State) -> str:
    return _(NAMES[state])


def state_reason(state: State) -> str:
    """What a state means, in one sentence."""
    return _(REASONS[state])


def gap_sentence(rows: Sequence[GapRow]) -> str:
    """What a list of gaps says, in one sentence."""
    counts = Counter(row.gap.state for row in rows if row.outside)
    facade, aligned, inward = counts[State.FACADE], counts[State.ALIGNED], counts[State.INWARD]
    parts = [
        ngettext(
            "%(num)d department serves customers clearly better than colleagues",
            "%(num)d departments serve customers clearly better than colleagues",
            facade,
        )
        if facade
        else _("No department serves customers clearly better than colleagues")
    ]
    if inward:
        parts.append(ngettext("%(num)d serves colleagues better", "%(num)d serve colleagues better", inward))
    if aligned:
        parts.append(ngettext("%(num)d serves both alike", "%(num)d serve both alike", aligned))
    if unknown := counts[State.NOT_ENOUGH]:
        parts.append(ngettext("of %(num)d nothing sure can be said", "of %(num)d nothing sure can be said", unknown))
    return "; ".join(parts) + "."


def company_sentence(found: Sides | None) -> str:
    """What colleagues and customers say about the company, in one sentence."""
    if found is None or found.inside is None:
        return _("In this wave no department got enough answers to show any.")
    inside = wording.mean(found.inside)
    if found.outside is None:
        return _("Colleagues give %(inside)s of 100; what customers say is not known yet.", inside=inside)
    given = {"inside": inside, "outside": found.outside.mean}
    return {
        State.FACADE: _(
            "Colleagues give %(inside)s of 100, customers %(outside)s: we are kinder to strangers than to colleagues.",
            **given,
        ),
        State.INWARD: _(
            "Colleagues give %(inside)s of 100, customers %(outside)s: we are kinder to colleagues than to customers.",
            **given,
        ),
        State.ALIGNED: _("Colleagues give %(inside)s of 100, customers %(outside)s: both are served alike.", **given),
        State.NOT_ENOUGH: _(
            "Colleagues give %(inside)s of 100, customers %(outside)s: these answers cannot tell the two apart.",
            **given,
        ),
    }[found.gap.state]


def whole_sentence(whole: Mapping[str, Sides]) -> str:
    """The same, of the company's items: where only practices have figures, there are figures none the less."""
    overall = whole.get(OVERALL)
    practices = [sides for item, sides in whole.items() if item != OVERALL and sides.inside]
    if practices and (overall is None or overall.inside is None):
        return practices_alone(len(practices))
    return company_sentence(overall)


def practices_alone(number: int) -> str:
    """That so many practices have figures, and all in all has none."""
    return ngettext(
        "Too few colleagues answered for a figure all in all; there is one for %(num)d practice.",
        "Too few colleagues answered for a figure all in all; there are figures for %(num)d practices.",
        number,
    )


def practices_sentence(practices: Mapping[str, Sides]) -> str:
    """What the practices say about the company: which of them customers get and colleagues do not."""
    by_width = sorted(practices, key=lambda item: found.points if (found := practices[item].gap.difference) else 0)
    outward = [item for item in by_width if practices[item].gap.state is State.FACADE]
    inward = [item for item in by_width if practices[item].gap.state is State.INWARD]
    parts = [_facade_sentence(item) for item in outward]
    if inward:
        names = ", ".join(wording.item_name(item) for item in inward)
        parts.append(_("Better among colleagues than towards customers: %(practices)s.", practices=names))
    if not any(sides.gap.difference for sides in practices.values()):
        return _("There are no scores of customers on the practices to set beside those of colleagues.")
    return " ".join(parts or _alike(practices))


def _alike(practices: Mapping[str, Sides]) -> list[str]:
    """What is said where no practice is better on one side than on the other."""
    aligned = [item for item in practices if practices[item].gap.state is State.ALIGNED]
    if not aligned:
        return [_("On no practice can these answers tell inside and outside apart.")]
    names = ", ".join(wording.item_name(item) for item in aligned)
    parts = [_("Alike inside and outside: %(practices)s.", practices=names)]
    if len(aligned) < len(practices):
        parts.append(_("Of the others these answers cannot tell."))
    return parts


def _facade_sentence(practice: str) -> str:
    return {
        "promises": _("We keep promises to customers more than to colleagues."),
        "diligence": _("When something goes wrong we act faster outside than inside."),
        "flexibility": _("We adapt to customers more than to colleagues."),
        "openness": _("We take criticism better from customers than from colleagues."),
        "improvement": _("We improve by what customers suggest more than by what colleagues suggest."),
    }[practice]


def gap_points(found: Gap) -> str:
    """ "−15", or a dash when a side is missing or too few answered."""
    return wording.signed(found.difference.points) if found.difference else "–"


def is_clear(found: Gap) -> bool:
    """Whether inside and outside surely differ by more than a little."""
    return found.state in (State.FACADE, State.INWARD)


def gap_reason(found: Sides) -> str:
    """Why a gap has the state that it has, in its own numbers."""
    if found.inside is None:
        return _("Too few colleagues answered for a figure.")
    if found.outside is None:
        return _("There are no customers' scores.")
    if found.gap.difference is None:
        return _("Fewer than ten colleagues answered, so nothing sure can be said.")
    return _(GAP_REASONS[found.gap.state], interval=wording.interval(found.gap.difference.interval))


FILTERS = {
    "company_sentence": company_sentence,
    "gap_points": gap_points,
    "gap_reason": gap_reason,
    "gap_sentence": gap_sentence,
    "is_clear": is_clear,
    "practices_alone": practices_alone,
    "practices_sentence": practices_sentence,
    "state_name": state_name,
    "state_reason": state_reason,
    "whole_sentence": whole_sentence,
}
