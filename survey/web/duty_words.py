"""How long complaints wait, and how late promises are, in the reader's language: on pages and in mails."""

from flask_babel import gettext as _
from flask_babel import ngettext

from survey import wording
from survey.commitments import CommitmentRow
from survey.complaints import Clock
from survey.duties import Late


def working_days(days: int) -> str:
    return ngettext("%(num)d working day", "%(num)d working days", days)


def within_sentence(within: int) -> str:
    """What counts as in time."""
    return ngettext(
        "A reply within %(num)d working day of the release is in time.",
        "A reply within %(num)d working days of the release is in time.",
        within,
    )


def waiting_sentence(found: Clock) -> str:
    """How many complaints wait, of those that can be answered."""
    if found.total == 1:
        return _("one complaint waits for a reply.")
    return ngettext(
        "%(num)d of %(total)s complaints waits for a reply.",
        "%(num)d of %(total)s complaints wait for a reply.",
        found.waiting,
        total=found.total,
    )


def waited_sentence(days: int) -> str:
    """How long it has been since a release."""
    return ngettext(
        "Your clients' comments came %(num)d working day ago.",
        "Your clients' comments came %(num)d working days ago.",
        days,
    )


def clock_sentence(found: Clock) -> str:
    """How soon complaints were answered, in two or three sentences."""
    if found.total == 1:
        return _only(found)
    return " ".join(filter(None, (_answered(found), _half(found), _waiting(found))))


def _only(found: Clock) -> str:
    """Of a single complaint."""
    if found.waiting:
        if not found.waited:
            return _("One complaint can be answered, and waits for a reply.")
        return ngettext(
            "The one complaint that can be answered has waited for %(num)d working day.",
            "The one complaint that can be answered has waited for %(num)d working days.",
            found.waited,
        )
    (days,) = found.days
    if not days:
        return _("The one complaint that can be answered had a reply on the day it came.")
    return ngettext(
        "The one complaint that can be answered had a reply after %(num)d working day.",
        "The one complaint that can be answered had a reply after %(num)d working days.",
        days,
    )


def _answered(found: Clock) -> str:
    if not found.waiting:
        return _("All %(total)s complaints that can be answered have a reply.", total=found.total)
    if not found.answered:
        return _("None of the %(total)s complaints that can be answered has a reply.", total=found.total)
    return ngettext(
        "%(num)d of the %(total)s complaints that can be answered has a reply.",
        "%(num)d of the %(total)s complaints that can be answered have a reply.",
        found.answered,
        total=found.total,
    )


def _half(found: Clock) -> str:
    if found.half is None:
        return ""
    if not found.half:
        return _("At least half had it on the day they came.")
    return ngettext(
        "At least half had it within %(num)d working day.",
        "At least half had it within %(num)d working days.",
        found.half,
    )


def _waiting(found: Clock) -> str:
    if not found.waiting or not found.waited:
        return ""
    if found.waiting == 1:
        return ngettext(
            "One has waited for %(num)d working day.", "One has waited for %(num)d working days.", found.waited
        )
    return ngettext(
        "%(waiting)s have waited for %(num)d working day.",
        "%(waiting)s have waited for %(num)d working days.",
        found.waited,
        waiting=found.waiting,
    )


def promise_sentence(row: CommitmentRow) -> str:
    """Who has promised what."""
    found = row.commitment
    return _("%(department)s: “%(text)s”", department=found.provider.name, text=found.text)


def lateness(found: Late) -> str:
    """Since when a promise is late, and who leads the department."""
    words = {"day": wording.day(found.row.commitment.due_on), "days": _days_late(found.days)}
    if not found.leads:
        return _("promised by %(day)s, %(days)s; nobody leads the department", **words)
    return _("promised by %(day)s, %(days)s; led by %(leads)s", leads=wording.listed(found.leads), **words)


def _days_late(days: int) -> str:
    return ngettext("%(num)d day late", "%(num)d days late", days)


FILTERS = {
    "clock_sentence": clock_sentence,
    "lateness": lateness,
    "promise_sentence": promise_sentence,
    "waited_sentence": waited_sentence,
    "waiting_sentence": waiting_sentence,
    "within_sentence": within_sentence,
    "working_days": working_days,
}
