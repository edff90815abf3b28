"""What leads say hinders, beside what clients miss, in the reader's language: to the lead, and about it to HR."""

from flask_babel import gettext as _
from flask_babel import ngettext

from survey import wording
from survey.hindrances import Excuse, Named
from survey.measure.excuses import CULTURE, NOTHING, PEOPLE, RESOURCES, Lack, Verdict


def hindrance_name(reason: str) -> str:
    """A reason as a choice by itself."""
    return {
        RESOURCES: _("Limited resources"),
        PEOPLE: _("Too many people to deal with"),
        CULTURE: _("A culture that is not turned to the client"),
        NOTHING: _("Nothing of this"),
    }[reason]


def hindrance_leads(excuse: Excuse, found: Named) -> str:
    """How many leads gave the reason, of those who said anything; empty when only one did."""
    if excuse.leads == 1:
        return ""
    return _("said by %(some)s of %(all)s", some=found.leads, all=excuse.leads)


def hindrance_row(found: Named) -> str:
    """In how many waves in a row the reason was given; empty when it is the first."""
    if found.waves == 1:
        return ""
    return ngettext("%(num)d wave in a row", "%(num)d waves in a row", found.waves)


def excuse_to_lead(found: Excuse) -> str:
    """What the lead should see, as one text; empty when the answers cannot tell, or one side has said nothing."""
    missed = {
        Lack.ATTITUDE: _("Your clients miss attitude more often than means."),
        Lack.MEANS: _("Your clients miss means more often than attitude."),
        Lack.BOTH: _("Most of your clients who gave 1 or 2 miss both, attitude and means."),
    }
    names = _in_a_sentence(found)
    said = {
        Verdict.EXCUSE: _("You said means: %(hindrances)s.", hindrances=names),
        Verdict.REVERSE: _("You said attitude: %(hindrances)s.", hindrances=names),
        Verdict.HALF: _("You said only one of the two: %(hindrances)s.", hindrances=names),
        Verdict.AGREED: _("You see it too: %(hindrances)s.", hindrances=names),
        Verdict.UNSEEN: _("You said that nothing of this hinders."),
    }
    return _together(found, missed, said)


def excuse_to_hr(found: Excuse) -> str:
    """The same about a department, for HR."""
    missed = {
        Lack.ATTITUDE: _("Its clients miss attitude more often than means."),
        Lack.MEANS: _("Its clients miss means more often than attitude."),
        Lack.BOTH: _("Most of its clients who gave 1 or 2 miss both, attitude and means."),
    }
    names = _in_a_sentence(found)
    said = {
        Verdict.EXCUSE: _("Whoever leads it said means: %(hindrances)s.", hindrances=names),
        Verdict.REVERSE: _("Whoever leads it said attitude: %(hindrances)s.", hindrances=names),
        Verdict.HALF: _("Whoever leads it said only one of the two: %(hindrances)s.", hindrances=names),
        Verdict.AGREED: _("Whoever leads it sees it too: %(hindrances)s.", hindrances=names),
        Verdict.UNSEEN: _("Whoever leads it said that nothing of this hinders."),
    }
    return _together(found, missed, said)


def _together(found: Excuse, missed: dict[Lack, str], said: dict[Verdict, str]) -> str:
    if found.missing is None or found.verdict not in said:
        return ""
    return f"{missed[found.missing.lack]} {said[found.verdict]}"


def _in_a_sentence(found: Excuse) -> str:
    """ "limited resources and too many people to deal with" """
    names = {
        RESOURCES: _("limited resources"),
        PEOPLE: _("too many people to deal with"),
        CULTURE: _("a culture that is not turned to the client"),
    }
    return wording.listed([names[named.reason] for named in found.named if named.reason in names])


FILTERS = {
    "excuse_to_hr": excuse_to_hr,
    "excuse_to_lead": excuse_to_lead,
    "hindrance_leads": hindrance_leads,
    "hindrance_name": hindrance_name,
    "hindrance_row": hindrance_row,
}
