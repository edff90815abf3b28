"""Claimed against confirmed, in the reader's language."""

from flask_babel import gettext as _

from survey import wording
from survey.confirmations import Confirmation, Stage
from survey.measure.noticing import Hearing, Majority


def claim(found: Confirmation) -> str:
    """Where the claim that something is done stands, for its lead and HR."""
    if found.hearing:
        return _heard(found.hearing)
    return {
        Stage.NOBODY: _("Claimed: it names no department that could confirm it."),
        Stage.WAITING: _("Claimed: in the next wave its clients are asked whether they noticed."),
        Stage.PASSED_OVER: _(
            "Claimed, and not asked about yet: too few people of the departments it names could be asked, or they were "
            "asked about something newer."
        ),
        Stage.ASKED: _("Claimed: its clients are being asked whether they noticed."),
        Stage.TOO_FEW: _("Too few answers: so few of its clients said whether they noticed that nothing is told."),
    }[found.stage]


def _heard(found: Hearing) -> str:
    """What its clients say; in numbers only when there are enough."""
    people = wording.people(found.people)
    if found.share is None or found.interval is None:
        return {
            Majority.NOTICED: _("Confirmed: of %(people)s clients who could say, most noticed it.", people=people),
            Majority.DIVIDED: _("Not confirmed: the %(people)s clients who could say are divided.", people=people),
            Majority.NOT_YET: _("Not confirmed: of %(people)s clients who could say, most did not.", people=people),
        }[found.majority]
    share, low, high = (wording.percent(value / 100) for value in (found.share, *found.interval))
    words = {"people": people, "share": share, "low": low, "high": high}
    if found.confirms:
        return _("Confirmed: of %(people)s clients who could say, %(share)s noticed it (%(low)s to %(high)s).", **words)
    return _("Not confirmed: of %(people)s clients who could say, %(share)s noticed it (%(low)s to %(high)s).", **words)


FILTERS = {"claim": claim}
