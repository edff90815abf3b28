"""The news of a summary in the reader's language: the subject of its mail, and the one sentence above its figures."""

from flask_babel import gettext as _

from survey import wording
from survey.news import Kind, hardest, news, praised, real_changes
from survey.summaries import DepartmentSummary, LeadSummary, Line


def subject(found: LeadSummary) -> str:
    """Of one department its figure, change and practices; of several, or of a division, their names."""
    names = [summary.department.name for summary in found.departments]
    names += [summary.division.name for summary in found.divisions]
    if len(found.departments) != 1 or found.divisions:
        return _("What your clients say: %(departments)s", departments=", ".join(names))
    (only,) = found.departments
    if only.overall is None:
        return _("%(department)s: too few answers for figures this time", department=names[0])
    figure, practices = _figure(only, only.overall), _practices(only)
    if not practices:
        return _("%(department)s: %(figure)s", department=names[0], figure=figure)
    return _("%(department)s: %(figure)s: %(practices)s", department=names[0], figure=figure, practices=practices)


def sentence(found: DepartmentSummary) -> str:
    """What matters most, as a sentence; nothing when there is no news."""
    first = news(found)
    if first is None:
        return ""
    item, mean = wording.item_name(first.line.item), wording.mean(first.line.figure)
    if first.kind is Kind.CHANGE and (change := first.line.change):
        words = {"item": item, "mean": mean, "points": abs(change.points)}
        if change.points > 0:
            return _(
                "What changed most: %(item)s, up %(points)s points to %(mean)s. That is more than chance.", **words
            )
        return _("What changed most: %(item)s, down %(points)s points to %(mean)s. That is more than chance.", **words)
    if first.kind is Kind.WEAKEST:
        return _("Where your clients ask for more: %(item)s, %(mean)s of 100.", item=item, mean=mean)
    points = wording.signed(first.line.gap.gap.difference.points)  # type: ignore[union-attr]
    return _("Inside and outside part most here: %(item)s, a gap of %(points)s points.", item=item, points=points)


def _figure(found: DepartmentSummary, overall: Line) -> str:
    """ "68", or "68, up 6" when the change is real."""
    mean = wording.mean(overall.figure)
    if overall.change is None or overall not in real_changes(found):
        return mean
    return _("%(mean)s, %(change)s", mean=mean, change=wording.change(overall.change))


def _practices(found: DepartmentSummary) -> str:
    """ "promises kept, criticism still hard": a strength and what is hard, where there are such."""
    strong, weak = praised(found), hardest(found)
    parts = [_strength(strong.item)] if strong else []
    if weak and weak != strong:
        parts.append(_hardship(weak.item))
    return ", ".join(parts)


def _strength(practice: str) -> str:
    return {
        "promises": _("promises kept"),
        "diligence": _("quick when it matters"),
        "flexibility": _("flexible"),
        "openness": _("open to criticism"),
        "improvement": _("suggestions put to use"),
    }[practice]


def _hardship(practice: str) -> str:
    return {
        "promises": _("promises still hard to keep"),
        "diligence": _("help still slow"),
        "flexibility": _("still hard to adapt"),
        "openness": _("criticism still hard"),
        "improvement": _("suggestions still unused"),
    }[practice]
