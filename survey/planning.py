"""The commands that plan: pulse and wave."""

from datetime import date, datetime, timedelta

import click

from survey import asking, opening, people, pulses, replanning, turnout, waves, workdays
from survey.commands import WAVE, local_time, now, with_database
from survey.measure.cadence import Why
from survey.models import Department, Pulse, Wave
from survey.pulses import DayRange
from survey.questionnaire import DEFAULT, MOST_TAPS, questionnaires
from survey.settings import SOURCE_LANGUAGE, Settings

DAY = click.DateTime(["%Y-%m-%d"])
WAVES_SHOWN = 4
WAVES = click.option("--waves", "count", type=click.IntRange(1, 100), default=WAVES_SHOWN, show_default=True)


class DaysOff(click.ParamType):
    """One day, or the first and the last with two points between."""

    name = "DAY[..DAY]"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> DayRange:
        first, points, last = value.partition("..")
        try:
            return date.fromisoformat(first), date.fromisoformat(last if points else first)
        except ValueError:
            self.fail(f'"{value}" is no day; write 2026-12-24, or a range like 2026-12-21..2027-01-06.', param, ctx)


RANGE = DaysOff()


@click.group()
def pulse() -> None:
    """Recurring surveys."""


@pulse.command("add")
@click.argument("key")
@click.option("--cadence", required=True, help=", ".join(pulses.cadences()))
@click.option("--first", required=True, type=DAY, help="Local date of the first wave: 2026-01-12")
@click.option("--questionnaire", default=DEFAULT, show_default=True, help=", ".join(questionnaires()))
@click.option("--timezone", help="IANA name; default: ESPEJO_TIMEZONE")
@click.option("--department", "keys", multiple=True, help="Ask only this department; may be repeated.")
@click.option("--holidays", default="", metavar="CODE", help="Days off are weekends and the public holidays of ES-MD.")
@click.option("--blackout", "blackouts", type=RANGE, multiple=True, help="Days off; may be repeated.")
@with_database
def pulse_add(
    settings: Settings,
    key: str,
    cadence: str,
    first: datetime,
    questionnaire: str,
    timezone: str | None,
    keys: tuple[str, ...],
    holidays: str,
    blackouts: tuple[DayRange, ...],
) -> None:
    """Add a pulse and plan its first wave."""
    departments = [_department(name) for name in keys]
    added = pulses.add_pulse(
        key,
        cadence,
        first.date(),
        timezone or settings.timezone,
        questionnaire,
        departments=departments,
        holidays=holidays,
        blackouts=blackouts,
    )
    _say_plan(added, 1)
    _say_length(added)


@pulse.command("plan")
@click.argument("key", required=False)
@WAVES
@with_database
def pulse_plan(settings: Settings, key: str | None, count: int) -> None:
    """Every date of the coming waves, of one pulse or of all."""
    for found in [_pulse(key)] if key else Pulse.select().order_by(Pulse.key):
        _say_plan(found, count)
        if fault := asking.fault(found.questionnaire):
            click.echo(f"  No wave opens: {fault}")


@pulse.command("list")
@with_database
def pulse_list(settings: Settings) -> None:
    """All pulses."""
    for found in Pulse.select().order_by(Pulse.key):
        click.echo(f"{found.key}  {found.cadence}  from {found.first_date}  {found.timezone}  {found.state}")


@pulse.command("pause")
@click.argument("key")
@with_database
def pulse_pause(settings: Settings, key: str) -> None:
    """Open no wave until the pulse is resumed; an open wave goes on."""
    replanning.pause(_pulse(key))
    click.echo(f"{key} is paused.")


@pulse.command("resume")
@click.argument("key")
@with_database
def pulse_resume(settings: Settings, key: str) -> None:
    """Go on with the next wave that lies ahead."""
    replanning.resume(_pulse(key), now())
    _say_plan(_pulse(key))


@pulse.command("shift")
@click.argument("key")
@click.option("--days", type=click.IntRange(-366, 366), help="Later by so many days; -7 is a week earlier.")
@click.option("--to", "day", type=DAY, help="The day from which the coming waves count: 2026-02-02")
@with_database
def pulse_shift(settings: Settings, key: str, days: int | None, day: datetime | None) -> None:
    """Shift all coming waves."""
    found = _pulse(key)
    if day is not None and days is None:
        replanning.shift(found, day.date(), now())
    elif days is not None and day is None:
        replanning.shift(found, replanning.own_day_of_next(found) + timedelta(days=days), now())
    else:
        raise click.UsageError("Give either --days or --to.")
    _say_plan(_pulse(key))


@pulse.command("move")
@click.argument("key")
@click.argument("day", type=DAY)
@with_database
def pulse_move(settings: Settings, key: str, day: datetime) -> None:
    """Open the next wave on DAY; later waves stay where they are."""
    replanning.move(_pulse(key), _planned_wave(key), day.date(), now())
    _say_plan(_pulse(key))


@pulse.command("skip")
@click.argument("key")
@with_database
def pulse_skip(settings: Settings, key: str) -> None:
    """Leave the next wave out."""
    replanning.skip(_pulse(key), _planned_wave(key), now())
    _say_plan(_pulse(key))


@pulse.command("holidays")
@click.argument("key")
@click.argument("code")
@with_database
def pulse_holidays(settings: Settings, key: str, code: str) -> None:
    """Days off are weekends and the public holidays of CODE: ES, ES-MD, CL, US-CA; none: nobody's."""
    replanning.set_holidays(_pulse(key), "" if code == "none" else code, now())
    _say_plan(_pulse(key))


@pulse.command("blackout")
@click.argument("key")
@click.argument("days", type=RANGE)
@click.option("--remove", is_flag=True, help="Take these days off back.")
@with_database
def pulse_blackout(settings: Settings, key: str, days: DayRange, remove: bool) -> None:
    """Neither open nor remind on these days."""
    if not remove:
        replanning.add_blackout(_pulse(key), *days, now())
    elif not replanning.remove_blackout(_pulse(key), *days, now()):
        raise click.ClickException(f"{key} has no such days off; espejo pulse plan {key} shows them.")
    _say_plan(_pulse(key))


@pulse.command("questionnaire")
@click.argument("key")
@click.option("--off", multiple=True, metavar="PRACTICE", help="Do not ask about it any more; may be repeated.")
@click.option("--on", multiple=True, metavar="PRACTICE", help="Ask about it again; may be repeated.")
@with_database
def pulse_questionnaire(settings: Settings, key: str, off: tuple[str, ...], on: tuple[str, ...]) -> None:
    """What the next wave asks; changes hold from its opening on."""
    found = _pulse(key)
    if off or on:
        asking.switch(found, off, on)
    asked = asking.next_questionnaire(found)
    click.echo(f"{key} asks {found.questionnaire}:")
    for item in asked.every_item:
        sign = "off" if item in asked.off else "   "
        click.echo(f"  {sign}  {item.key}: {item.text[settings.language]}")
    click.echo(f"Most people need {asking.taps_of(asked)} taps.")
    _say_length(found)


def _say_length(found: Pulse) -> None:
    count = asking.taps_of(asking.next_questionnaire(found))
    if count > MOST_TAPS:
        click.echo(f"Warning: {too_many(count)}")


def too_many(count: int) -> str:
    """What is wrong with so many taps."""
    return f"answering takes {count} taps, and beyond {MOST_TAPS} people leave; switch a practice off."


def _pulse(key: str) -> Pulse:
    found = Pulse.get_or_none(Pulse.key == key)
    if found is None:
        raise click.ClickException(f'There is no pulse "{key}".')
    return found


def _planned_wave(key: str) -> int:
    """The id of the pulse's planned wave; 0 when there is none."""
    planned = pulses.planned_wave(_pulse(key))
    return planned.id if planned else 0


def _say_plan(found: Pulse, count: int = WAVES_SHOWN) -> None:
    facts = [found.cadence, found.timezone]
    facts += [f"holidays {found.holidays}"] if found.holidays else []
    facts += [f"no waves {_range(days)}" for days in pulses.blackouts(found)]
    facts += ["paused"] if found.state == "paused" else []
    click.echo(f"{found.key} ({', '.join(facts)})")
    for coming in pulses.coming(found, count, now()):
        for day in coming.left_out:
            click.echo(f"     no wave around {day}: there is no working day before the next one")
        times = coming.schedule
        reminders = ", ".join(_time(found, second) for second in times.reminders_at) or "none"
        opens, closes, sums_up = (_time(found, at) for at in (times.opens_at, times.closes_at, times.summary_at))
        click.echo(
            f"  {coming.number + 1}. opens {opens}   reminders {reminders}   closes {closes}   summary {sums_up}"
        )
        if coming.why:
            reason = _reason(coming.why, found, coming.own_day)
            click.echo(f"     moved from {coming.own_day:%A} {coming.own_day}: {reason}")


def _reason(why: Why, found: Pulse, own_day: date) -> str:
    if why is Why.HOLIDAY:
        return workdays.holiday_name(found.holidays, own_day, SOURCE_LANGUAGE)
    return {
        Why.WEEKEND: "a weekend",
        Why.BLACKOUT: "no waves on that day",
        Why.TAKEN: "another wave had that day",
        Why.CHOSEN: "somebody chose this day",
        Why.PAST: "that day had passed",
        Why.REST: "nobody is asked too soon again",
    }[why]


def _range(days: DayRange) -> str:
    first, last = days
    return f"{first}" if first == last else f"{first}..{last}"


def _time(found: Pulse, second: int) -> str:
    return local_time(second, found.timezone)


def _department(name: str) -> Department:
    found = people.find_department(name)
    if found is None:
        raise click.ClickException(f'"{name}" is no department.')
    return found


@click.group()
def wave() -> None:
    """The runs of pulses."""


@wave.command("list")
@with_database
def wave_list(settings: Settings) -> None:
    """All waves, the latest first."""
    known = list(Wave.select(Wave, Pulse).join(Pulse).order_by(Wave.local_date.desc(), Wave.id.desc()))
    by_wave = turnout.participations(known)
    for found in known:
        closes = _time(found.pulse, found.closes_at)
        state = f"{found.state} ({found.cancel_reason})" if found.cancel_reason else found.state
        left_out = f", {found.left_out} left out: asked by other waves" if found.left_out else ""
        click.echo(
            f"{found.id}  {found.pulse.key}  {found.local_date}  {state}  closes {closes}  "
            f"{_answered(found, by_wave[found.id])}{left_out}"
        )


def _answered(wave: Wave, groups: list[turnout.Participation]) -> str:
    if wave.opened_at is None:
        return "nobody asked yet"
    whole = turnout.whole_participation(groups)
    if not groups:
        return f"fewer than {wave.min_group} asked"
    return f"{whole.answered} of {whole.invited} answered"


@wave.command("open")
@click.argument("pulse_key")
@with_database
def wave_open(settings: Settings, pulse_key: str) -> None:
    """Open the next wave of a pulse today."""
    found = _pulse(pulse_key)
    opened = waves.open_now(found, now(), settings.smallest_group, int(settings.rest_days))
    opening.finish(opened, now())
    click.echo(f"Wave {opened.id} is open until {_time(found, opened.closes_at)}.")


@wave.command("close")
@click.argument("wave_id", type=WAVE)
@with_database
def wave_close(settings: Settings, wave_id: int) -> None:
    """Close an open wave now and release its results."""
    found = Wave.get_or_none(Wave.id == wave_id)
    if found is None or not waves.close_wave(found, now()):
        raise click.ClickException(f"Wave {wave_id} is not open; espejo wave list shows all.")
    click.echo(f"Wave {wave_id} is closed.")


@wave.command("cancel")
@click.argument("wave_id", type=WAVE)
@click.option("--yes", is_flag=True, help="Do not ask whether its answers may be deleted.")
@with_database
def wave_cancel(settings: Settings, wave_id: int, yes: bool) -> None:
    """Call off a wave that is planned, opening or open; the answers of an open one are deleted."""
    found = Wave.get_or_none(Wave.id == wave_id)
    if found is not None and found.state == "open" and not yes:
        answered = turnout.whole_participation(turnout.participation(found))
        click.confirm(
            f"Wave {wave_id} is open: {answered.answered} of {answered.invited} have answered. "
            "Their answers are deleted, nothing is published, and this cannot be undone. Cancel it?",
            abort=True,
        )
    if found is None or not waves.cancel_wave(found, now()):
        raise click.ClickException(f"Wave {wave_id} is neither planned nor open; espejo wave list shows all.")
    waves.discard_due()
    click.echo(f"Wave {wave_id} is cancelled.")
