"""The commands that plan: pulse and wave."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from survey import people, pulses, releases, waves
from survey.commands import WAVE, now, with_database
from survey.measure.cadence import local
from survey.models import Department, Pulse, Wave
from survey.settings import Settings

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def pulse() -> None:
    """Recurring surveys."""


@pulse.command("add")
@click.argument("key")
@click.option("--cadence", required=True, help="weekly, fortnightly, monthly, quarterly or half-yearly")
@click.option("--first", required=True, type=DAY, help="Local date of the first wave: 2026-01-12")
@click.option("--timezone", help="IANA name; default: ESPEJO_TIMEZONE")
@click.option("--department", "keys", multiple=True, help="Ask only this department; may be repeated.")
@with_database
def pulse_add(
    settings: Settings, key: str, cadence: str, first: datetime, timezone: str | None, keys: tuple[str, ...]
) -> None:
    """Add a pulse and plan its first wave."""
    departments = [_department(name) for name in keys]
    added = pulses.add_pulse(key, cadence, first.date(), timezone or settings.timezone, departments=departments)
    _say_plan(added, 1)


@pulse.command("plan")
@click.option("--waves", "count", type=click.IntRange(1, 100), default=4, show_default=True)
@with_database
def pulse_plan(settings: Settings, count: int) -> None:
    """The coming waves of every pulse."""
    for found in Pulse.select().order_by(Pulse.key):
        _say_plan(found, count)


@pulse.command("list")
@with_database
def pulse_list(settings: Settings) -> None:
    """All pulses."""
    for found in Pulse.select().order_by(Pulse.key):
        click.echo(f"{found.key}  {found.cadence}  from {found.first_date}  {found.timezone}  {found.state}")


def _say_plan(found: Pulse, count: int) -> None:
    click.echo(f"{found.key} ({found.cadence}, {found.timezone})")
    for coming in pulses.coming(found, count):
        times = coming.schedule
        reminders = ", ".join(_time(found, second) for second in times.reminders_at) or "none"
        opens, closes = _time(found, times.opens_at), _time(found, times.closes_at)
        click.echo(f"  {coming.number + 1}. opens {opens}   reminders {reminders}   closes {closes}")


def _time(found: Pulse, second: int) -> str:
    return f"{local(second, ZoneInfo(found.timezone)):%Y-%m-%d %H:%M%z}"


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
    for found in Wave.select(Wave, Pulse).join(Pulse).order_by(Wave.local_date.desc(), Wave.id.desc()):
        answered = releases.whole_participation(releases.participation(found))
        closes = _time(found.pulse, found.closes_at)
        click.echo(
            f"{found.id}  {found.pulse.key}  {found.local_date}  {found.state}  closes {closes}  "
            f"{answered.answered} of {answered.invited} answered"
        )


@wave.command("open")
@click.argument("pulse_key")
@with_database
def wave_open(settings: Settings, pulse_key: str) -> None:
    """Open the next wave of a pulse today."""
    found = Pulse.get_or_none(Pulse.key == pulse_key)
    if found is None:
        raise click.ClickException(f'There is no pulse "{pulse_key}".')
    opened = waves.open_now(found, now(), settings.smallest_group)
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
