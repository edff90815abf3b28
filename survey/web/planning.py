"""HR's page about pulses and waves, and what needs doing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from peewee import fn
from werkzeug.wrappers import Response

from survey import asking, deliveries, outbox, outside, people, pulses, replanning, turnout, waves, wording, workdays
from survey.deliveries import Delivery
from survey.measure.cadence import Occurrence
from survey.models import ASKED, RESTING, RUNNING, Pulse, Wave
from survey.pulses import DayRange, PulseError
from survey.questionnaire import QuestionnaireError
from survey.refusal import Refusal, _l
from survey.turnout import Participation
from survey.web.access import hr_only, settings
from survey.web.frame import now

blueprint = Blueprint("planning", __name__, url_prefix="/hr")

COMING = 4  # waves of a pulse shown in advance
FARTHEST_SHIFT_DAYS = 366
NO_DAY = _l("Choose a day.")
NO_DAYS = _l("Write how many days later, from 1 to %(most)s; with a minus sign it is earlier.")


@dataclass(frozen=True)
class PulsePlan:
    pulse: Pulse
    running: Wave | None
    participation: list[Participation]  # of the running wave, by client group
    deliveries: list[Delivery]  # its mails
    planned: Wave | None
    coming: list[Occurrence]
    blackouts: tuple[DayRange, ...]
    regions: list[str]  # of the country whose holidays are days off
    passed_over: Wave | None  # the last one, when other waves asked nearly everybody around its day

    @property
    def is_opening(self) -> bool:
        """The running wave takes no answers yet: people are being invited, which takes a while where they are many."""
        return self.running is not None and self.running.state == "opening"

    @property
    def is_closing(self) -> bool:
        """The running wave takes no more answers: they are being counted, which takes a while where they are many."""
        return self.running is not None and self.running.state == "closing"

    @property
    def next_own_day(self) -> date:
        """What a shift by days counts from."""
        return self.coming[0].own_day


@dataclass(frozen=True)
class ToDo:
    """Something that keeps results from being good, and the page to mend it on."""

    text: str
    address: str


@blueprint.get("/pulses")
@hr_only
def plan() -> str:
    """Each pulse with its running wave and the coming ones."""
    known = pulses.stored(list(Pulse.select().order_by(Pulse.key)))
    running = {wave.pulse_id: wave for wave in Wave.select().where(Wave.state.in_(RUNNING))}
    participations = turnout.participations(list(running.values()))
    mails, passed_over = deliveries.by_wave(), _passed_over()
    plans = [
        PulsePlan(
            pulse=found.pulse,
            running=(wave := running.get(pulse)),
            participation=participations[wave.id] if wave else [],
            deliveries=[mail for mail in mails if mail.wave == wave],
            planned=found.planned,
            coming=pulses.coming_of(found, COMING, now()),
            blackouts=found.blackouts,
            regions=workdays.regions(found.pulse.holidays),
            passed_over=passed_over.get(pulse),
        )
        for pulse, found in known.items()
    ]
    return render_template("planning/pulses.html", plans=plans, whole=turnout.whole_participation)


def _passed_over() -> dict[int, Wave]:
    """{pulse: its last wave}, by id, where other waves asked nearly everybody around that day."""
    other = Wave.alias()
    last = other.select(fn.MAX(other.occurrence)).where(other.pulse == Wave.pulse, other.state != "planned")
    query = Wave.select().where(Wave.cancel_reason == RESTING, Wave.occurrence == last)
    return {wave.pulse_id: wave for wave in query}


# --- Changing what comes -------------------------------------------------------------------------------------------


@blueprint.post("/pulses/<key>/pause")
@hr_only
def pause(key: str) -> Response:
    return _change(key, replanning.pause, _l("No wave opens until you resume this pulse."))


@blueprint.post("/pulses/<key>/resume")
@hr_only
def resume(key: str) -> Response:
    return _change(key, lambda pulse: replanning.resume(pulse, now()), _l("Resumed: the next wave opens on %(day)s."))


@blueprint.post("/pulses/<key>/shift")
@hr_only
def shift(key: str) -> Response:
    """Shift all coming waves: by days, counted from the day that the page showed, so that twice is as good as once."""

    def shifted(pulse: Pulse) -> None:
        day = _day("from") + timedelta(days=_days()) if "days" in request.form else _day("to")
        replanning.shift(pulse, day, now())

    return _change(key, shifted, _l("All coming waves are shifted: the next one opens on %(day)s."))


@blueprint.post("/pulses/<key>/move")
@hr_only
def move(key: str) -> Response:
    """Open the next wave on another day."""

    def moved(pulse: Pulse) -> None:
        replanning.move(pulse, _wave_meant(), _day("to"), now())

    return _change(key, moved, _l("The next wave opens on %(day)s; the ones after it stay where they are."))


@blueprint.post("/pulses/<key>/skip")
@hr_only
def skip(key: str) -> Response:
    """Leave the next wave out."""

    def skipped(pulse: Pulse) -> None:
        replanning.skip(pulse, _wave_meant(), now())

    return _change(key, skipped, _l("The wave is skipped: the next one opens on %(day)s."))


@blueprint.post("/pulses/<key>/holidays")
@hr_only
def holidays(key: str) -> Response:
    """Choose the country or region whose public holidays are days off."""

    def chosen(pulse: Pulse) -> None:
        replanning.set_holidays(pulse, request.form.get("code", "")[:40], now())

    return _change(key, chosen, _l("The days off are stored: the next wave opens on %(day)s."))


@blueprint.post("/pulses/<key>/blackouts")
@hr_only
def blackout(key: str) -> Response:
    """Add days on which nobody is asked, or take them off back."""

    def changed(pulse: Pulse) -> None:
        first = _day("first")
        last = _day("last") if request.form.get("last") else first
        change = replanning.remove_blackout if "remove" in request.form else replanning.add_blackout
        change(pulse, first, last, now())

    return _change(key, changed, _l("The days off are stored: the next wave opens on %(day)s."))


def _change(key: str, deed: Callable[[Pulse], object], done: str) -> Response:
    """Change a pulse, and say what came of it: `done`, or why not."""
    pulse = Pulse.get_or_none(Pulse.key == key) or abort(404)
    try:
        deed(pulse)
    except Refusal as refusal:
        flash(wording.refusal(refusal), "error")
    else:
        (coming,) = pulses.coming(Pulse.get_by_id(pulse.id), 1, now())
        flash(_(done, day=wording.day(coming.day)))
    return redirect(url_for("planning.plan", _anchor=key))


def _day(field: str) -> date:
    try:
        return pulses.check_day(date.fromisoformat(request.form.get(field, "")))
    except PulseError:
        raise
    except ValueError:
        raise PulseError(NO_DAY) from None


def _days() -> int:
    days = request.form.get("days", 0, type=int)
    if not 0 < abs(days) <= FARTHEST_SHIFT_DAYS:
        raise PulseError(NO_DAYS, most=FARTHEST_SHIFT_DAYS)
    return days


def _wave_meant() -> int:
    """The wave that the page showed as the next one."""
    return request.form.get("wave", 0, type=int)


# --- Opening and closing by hand -----------------------------------------------------------------------------------


@blueprint.route("/waves/<int(max=2147483647):wave_id>/close", methods=["GET", "POST"])
@hr_only
def close(wave_id: int) -> str | Response:
    """Close a wave early: first a page that says what that means, then the deed."""
    wave = Wave.get_or_none(Wave.id == wave_id, Wave.state.in_(ASKED)) or abort(404)
    if wave.state != "open":
        is_opening = wave.state == "opening"
        flash(_("This wave is not open yet.") if is_opening else _("This wave has been closed already."))
        return redirect(url_for("hr.overview"))
    if request.method != "POST":
        answered = turnout.whole_participation(turnout.participation(wave))
        return render_template("planning/close.html", wave=wave, participation=answered)
    if waves.close_soon(wave, now()):
        flash(_("The wave is closed and its results are released. The leads and HR get their summaries by mail."))
    elif Wave.get_by_id(wave.id).state == "closing":
        flash(_("Nobody can answer any more. When all answers are counted, in some minutes, the results are released."))
    return redirect(url_for("hr.overview"))


@blueprint.route("/waves/<int(max=2147483647):wave_id>/cancel", methods=["GET", "POST"])
@hr_only
def cancel(wave_id: int) -> str | Response:
    """Call an open wave off, or one that is opening: first a page that says what that means, then the deed."""
    wave = Wave.get_or_none(Wave.id == wave_id, Wave.state.in_([*RUNNING, "cancelled"])) or abort(404)
    if wave.state not in ("opening", "open"):
        is_cancelled = wave.state == "cancelled"
        flash(_("This wave has been cancelled already.") if is_cancelled else _("This wave has been closed already."))
        return redirect(url_for("planning.plan"))
    if request.method != "POST":
        answered = turnout.whole_participation(turnout.participation(wave))
        return render_template("planning/cancel.html", wave=wave, participation=answered)
    if waves.cancel_wave(wave, now()):
        flash(_called_off(wave))
    return redirect(url_for("planning.plan"))


def _called_off(wave: Wave) -> str:
    """What has become of a wave that was opening or open."""
    if wave.state == "opening":
        return _("The wave is cancelled: nobody is asked.")
    if Wave.get_by_id(wave.id).progress is not None:
        return _("The wave is cancelled: its answers are being deleted, and nothing is published.")
    return _("The wave is cancelled: its answers are deleted, and nothing is published.")


@blueprint.post("/pulses/<key>/open")
@hr_only
def open_now(key: str) -> Response:
    """Open a pulse's next wave today."""
    pulse = Pulse.get_or_none(Pulse.key == key) or abort(404)
    try:
        wave = waves.open_now(pulse, now(), settings().smallest_group, int(settings().rest_days))
    except QuestionnaireError as refusal:
        flash(wording.refusal(refusal), "error")
    except waves.WaveError:
        flash(
            _(
                "No wave can be opened now: one is open, the pulse is paused or had one today, "
                "or nearly everybody is asked by other waves these days."
            ),
            "error",
        )
    else:
        is_open = wave.state == "open"
        flash(_("The wave is open; the invitations are on their way.") if is_open else _("The wave is being opened."))
    return redirect(url_for("planning.plan"))


def to_do() -> list[ToDo]:
    """What HR should look after, the most urgent first."""
    failing = sum(outbox.state_counts(["dead", "retry"]).values())
    homeless = people.without_department()
    unmapped = outside.unmapped()
    leaderless = people.departments_without_lead()
    found = [ToDo(wording.refusal(fault), url_for("planning.plan")) for fault in asking.faults()]
    found += [_late(wave) for wave in waves.overdue(now())]
    if not settings().smtp_url and outbox.state_counts(["pending"]):
        found.append(
            ToDo(_("No mail server is set (ESPEJO_SMTP_URL), so mail stays queued."), url_for("mailroom.outbox"))
        )
    if outbox.paused_since() is not None:
        found.append(ToDo(_("Mail is paused, so none leaves."), url_for("mailroom.outbox")))
    if failing:
        text = ngettext("%(num)d mail could not be sent.", "%(num)d mails could not be sent.", failing)
        found.append(ToDo(text, url_for("mailroom.outbox")))
    if unmapped:
        text = ngettext(
            "%(num)d touchpoint counts for no department.", "%(num)d touchpoints count for no department.", unmapped
        )
        found.append(ToDo(text, url_for("intake.external")))
    if homeless:
        text = ngettext("%(num)d person has no department.", "%(num)d people have no department.", homeless)
        found.append(ToDo(text, url_for("staff.people")))
    if leaderless:
        text = ngettext("%(num)d department has no lead.", "%(num)d departments have no lead.", len(leaderless))
        found.append(ToDo(text, url_for("staff.people")))
    return found


def _late(wave: Wave) -> ToDo:
    """A wave that should have opened or closed: nothing runs the clock, or it fails."""
    day = wording.day_of(wave.closes_at if wave.was_open else wave.opens_at, wave.pulse.timezone)
    told = {"pulse": wave.pulse.key, "day": day}
    if not wave.was_open:
        text = _("%(pulse)s should have opened on %(day)s. Whoever runs Espejo finds out why: espejo doctor.", **told)
    else:
        text = _("%(pulse)s should have closed on %(day)s. Whoever runs Espejo finds out why: espejo doctor.", **told)
    return ToDo(text, url_for("planning.plan"))
