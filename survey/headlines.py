"""The news of a summary in the reader's language: the subject of its mail, its one sentence, and what to do next."""

from collections import Counter

from flask_babel import gettext as _
from flask_babel import ngettext

from survey import wording
from survey.company import CompanySummary
from survey.findings import RealChange
from survey.measure.scale import OVERALL
from survey.news import Kind, company_news, hardest, news, praised, real_changes
from survey.releases import GapRow
from survey.summaries import DepartmentSummary, LeadSummary, Line, Served


def subject(found: LeadSummary) -> str:
    """Of one department its figure, change and practices; of several, or of a division, their names."""
    names = [summary.department.name for summary in found.departments]
    names += [summary.division.name for summary in found.divisions]
    if len(found.departments) != 1 or found.divisions:
        return _("What your clients say: %(departments)s", departments=", ".join(names))
    (only,) = found.departments
    return _headline(names[0], only, _figure(only, only.overall) if only.overall else "", _practices(only))


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


def of_page(found: LeadSummary) -> str:
    """What a lead's page says, in one sentence: of one department its news, of several the highest and the lowest."""
    parts = {one.department.key: one for one in found.departments}
    parts |= {one.department.key: one for division in found.divisions for one in division.departments}
    if len(parts) == 1 and (told := sentence(next(iter(parts.values())))):
        return told
    means = {one.department.name: one.overall.figure for one in parts.values() if one.overall}
    if not means:
        return _("Too few colleagues answered for a figure all in all.")
    best, worst = (of(means, key=lambda name: means[name].mean) for of in (max, min))
    high, low = wording.mean(means[best]), wording.mean(means[worst])
    if len(means) == 1:
        return _("Colleagues give %(department)s %(mean)s of 100 all in all.", department=best, mean=high)
    if means[best].mean == means[worst].mean:
        return _("Colleagues give all departments alike: %(mean)s of 100 all in all.", mean=high)
    return _(
        "All in all colleagues give %(best)s the most, %(high)s of 100, and %(worst)s the least, %(low)s.",
        best=best,
        high=high,
        worst=worst,
        low=low,
    )


# --- The company's -------------------------------------------------------------------------------------------------


def company_subject(found: CompanySummary, company: str) -> str:
    """Its figures inside and outside, and the news."""
    return _headline(company, found, _sides(found.overall) if found.overall else "", _told(found))


def company_sentence(found: CompanySummary) -> str:
    """What matters most in the company, as a sentence; nothing when there is no news."""
    match company_news(found):
        case RealChange() as one:
            words = {"department": one.department.name, "item": wording.item_name(one.item)}
            words |= {"points": abs(one.change.points), "mean": wording.mean(one.now)}
            if one.change.points > 0:
                return _(
                    "What changed most: %(department)s (%(item)s), up %(points)s points to %(mean)s. "
                    "That is more than chance.",
                    **words,
                )
            return _(
                "What changed most: %(department)s (%(item)s), down %(points)s points to %(mean)s. "
                "That is more than chance.",
                **words,
            )
        case GapRow(gap=gap) as row if gap.difference:
            return _(
                "Inside and outside part most in %(department)s (%(item)s): a gap of %(points)s points.",
                department=row.department.name,
                item=wording.item_name(row.item),
                points=wording.signed(gap.difference.points),
            )
        case Line() as line:
            item, mean = wording.item_name(line.item), wording.mean(line.figure)
            return _("Where colleagues ask for more: %(item)s, %(mean)s of 100.", item=item, mean=mean)
    return ""


def _sides(overall: Line) -> str:
    """ "inside 68, outside 81", or "68" where customers have said nothing."""
    inside, outside = wording.mean(overall.figure), overall.gap and overall.gap.outside
    return _("inside %(inside)s, outside %(outside)s", inside=inside, outside=outside.mean) if outside else inside


def _told(found: CompanySummary) -> str:
    """The company's news in a few words."""
    match company_news(found):
        case RealChange() as one:
            words = {"department": one.department.name, "change": wording.change(one.change)}
            if one.item == OVERALL:
                return _("%(department)s %(change)s", **words)
            return _("%(department)s %(change)s (%(item)s)", item=wording.item_name(one.item), **words)
        case GapRow() as row:
            return _("%(department)s kinder to strangers", department=row.department.name)
        case Line() as line:
            return _hardship(line.item)
    return ""


# --- What to do next -----------------------------------------------------------------------------------------------


def first_step(found: LeadSummary) -> str:
    """What a lead does with what the clients wrote, by what they wrote."""
    wrote = sum((department.comment_counts for department in found.departments), Counter[str]())
    if n := wrote["complaint"]:
        return ngettext(
            "Read the complaint and answer it while it is fresh; who took a private code reads your reply.",
            "Read the %(num)d complaints and answer them while they are fresh; "
            "who took a private code reads your reply.",
            n,
        )
    if n := wrote["suggestion"]:
        return ngettext(
            "Read the suggestion: it may be the improvement that your clients want.",
            "Read the %(num)d suggestions: one may be the improvement that your clients want.",
            n,
        )
    return _("Look at the results with your team.")


def second_step(found: DepartmentSummary) -> str:
    """What a lead promises the clients of a department."""
    if hard := hardest(found):
        item = wording.item_name(hard.item)
        return _("Then promise your clients one improvement. Where they ask for it most: %(item)s.", item=item)
    return _("Then promise your clients one improvement.")


# --- In a few words ------------------------------------------------------------------------------------------------


def _headline(name: str, found: Served, figure: str, told: str) -> str:
    """The subject about a department or the company: what it got all in all, and what is told besides.

    Either may be missing. Where both are, there may still be figures of practices; only without any is that said.
    """
    if not found.lines:
        return _("%(name)s: too few answers for figures this time", name=name)
    if figure and told:
        return _("%(name)s: %(figure)s; %(news)s", name=name, figure=figure, news=told)
    if figure or told:
        return _("%(name)s: %(news)s", name=name, news=figure or told)
    return ngettext(
        "%(name)s: a figure for %(num)d practice",
        "%(name)s: figures for %(num)d practices",
        len(found.practices),
        name=name,
    )


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
