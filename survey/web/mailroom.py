"""The page of HR about mail: how far it is, what failed and why, sending it again, and the switch that pauses it.

Nothing here tells who has answered. Of reminders, which go to those who have not, it is only told whether they are
under way; and a mail that was not needed any more looks like one that was sent.
"""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from survey import deliveries
from survey import outbox as mail
from survey.web.access import hr_only, settings
from survey.web.frame import now

blueprint = Blueprint("mailroom", __name__, url_prefix="/hr/outbox")

LETTERS_SHOWN = 200
ALL = "all"  # in place of a message's number


@blueprint.get("")
@hr_only
def outbox() -> str:
    """How far the mail is, wave by wave, and the letters that failed."""
    counts, waiting, paused, moment = deliveries.whole(), mail.waiting(), mail.paused_since(), now()
    return render_template(
        "mailroom/outbox.html",
        counts=counts,
        deliveries=deliveries.by_wave(),
        letters=deliveries.failed(LETTERS_SHOWN),
        minutes=deliveries.minutes_left(waiting, moment, settings().mail_rate),
        paused=paused,
        moves=bool(waiting and paused is None and settings().smtp_url),
        now=moment,
        zone=settings().timezone,
    )


@blueprint.post("/resend")
@hr_only
def resend() -> Response:
    """Send one letter again, or all that were refused for good."""
    chosen = request.form.get("message", "")
    if chosen != ALL and not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 10):
        abort(404)
    if count := mail.resend(now(), None if chosen == ALL else int(chosen)):
        flash(ngettext("%(num)d mail is sent again.", "%(num)d mails are sent again.", count))
    else:
        flash(_("It is under way already, or too late to be sent."))
    return redirect(url_for("mailroom.outbox"))


@blueprint.post("/pause")
@hr_only
def pause() -> Response:
    """Let no mail leave until it is resumed."""
    mail.pause(now())
    flash(_("Mail is paused. What is queued stays queued."))
    return redirect(url_for("mailroom.outbox"))


@blueprint.post("/resume")
@hr_only
def resume() -> Response:
    mail.resume()
    flash(_("Mail leaves again."))
    return redirect(url_for("mailroom.outbox"))
