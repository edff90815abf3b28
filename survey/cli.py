"""The command `espejo`."""

import logging
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from survey import (
    create_app,
    database,
    erasure,
    external,
    leases,
    outbox,
    people,
    pulses,
    releases,
    results,
    running,
    scheduler,
    waves,
)
from survey.commands import FILE, WAVE, now, with_database, with_settings
from survey.emails import compose_test
from survey.mapping import load_mapping
from survey.measure.cadence import local
from survey.models import Department, Pulse, Wave
from survey.models import database as tables
from survey.settings import Settings, is_address
from survey.signing import SIGN_IN_MINUTES, sign_in_token
from survey.smtp import SmtpTransport

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
@click.version_option(package_name="espejo")
def main() -> None:
    """Espejo asks employees how other departments serve them, and sets that beside what customers say."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


for command in (running.run_demo, running.serve, running.run_scheduler, running.tick):
    main.add_command(command)


# --- The database --------------------------------------------------------------------------------------------------


@main.group("db")
def db() -> None:
    """The tables of the database."""


@db.command()
@with_settings
def upgrade(settings: Settings) -> None:
    """Apply pending migrations."""
    database.bind(settings)
    applied = database.upgrade(settings)
    click.echo("\n".join(f"applied: {name}" for name in applied) or "Up to date.")


@db.command()
@with_settings
def status(settings: Settings) -> None:
    """List the migrations; exit 1 when one is pending."""
    database.bind(settings)
    with tables.connection_context():
        found = database.migrations()
    for migration in found:
        click.echo(f"{'applied' if migration.applied else 'PENDING'}  {migration.name}")
    if any(not migration.applied for migration in found):
        sys.exit(1)


@main.command()
@click.argument("file", type=FILE)
@with_database
def backup(settings: Settings, file: Path) -> None:
    """Copy a SQLite database to FILE while everything runs."""
    if not database.is_sqlite():
        raise click.ClickException("This database is no SQLite; use pg_dump.")
    if file.exists():
        raise click.ClickException(f"{file} exists already; name a new file.")
    try:
        with closing(sqlite3.connect(file)) as copy:
            tables.connection().backup(copy)
    except sqlite3.Error as error:
        raise click.ClickException(f"{file} cannot be written ({error}).") from error
    click.echo(f"{file}: {file.stat().st_size} bytes")


@main.command()
@with_database
def doctor(settings: Settings) -> None:
    """Look for what keeps Espejo from working well; exit 1 when something is wrong."""
    wrong = []
    if settings.smtp_url == "":
        wrong.append("ESPEJO_SMTP_URL is not set, so no mail is sent.")
    if "127.0.0.1" in settings.address or "localhost" in settings.address:
        wrong.append(f"ESPEJO_BASE_URL is {settings.address}; links in mails work on this machine only.")
    if not settings.is_https:
        wrong.append("ESPEJO_BASE_URL is not https://, so cookies and links travel unprotected.")
    if not people.departments():
        wrong.append("There are no departments yet; espejo import people FILE.")
    if not Pulse.select().exists():
        wrong.append("There is no pulse yet; espejo pulse add KEY --cadence quarterly --first DATE.")
    wrong += [
        f"The release of wave {wave.id} is not what was released: its tallies have changed."
        for wave in releases.altered()
    ]
    wrong += [f"{department.name} has no lead." for department in people.departments_without_lead()]
    wrong += [
        f"Wave {late.id} ({late.pulse.key}) should have {'opened' if late.state == 'planned' else 'closed'} at "
        f"{_time(late.pulse, late.opens_at if late.state == 'planned' else late.closes_at)}; "
        "does a scheduler run? Its log says what fails."
        for late in waves.overdue(now())
    ]
    wrong += [
        f"{found.key} is {found.cadence}, but ESPEJO_REST_DAYS is {settings.rest_days}: some waves will ask nobody."
        for found in Pulse.select()
        if _days_between_waves(found) < int(settings.rest_days)
    ]
    click.echo(_who_runs_the_clock(), nl=False)
    click.echo("\n".join(wrong) or "All is well.")
    if wrong:
        sys.exit(1)


def _who_runs_the_clock() -> str:
    """A line about the scheduler, once there was one."""
    lease = leases.standing()
    if not lease.ticked_at:
        return ""
    last = f"it ticked last at {local(lease.ticked_at, ZoneInfo('UTC')):%Y-%m-%d %H:%M:%SZ}"
    if leases.is_held(lease, scheduler.present()):
        return f"The clock is run by {lease.holder}; {last}.\n"
    return f"Nothing runs the clock now; {last}.\n"


def _days_between_waves(found: Pulse) -> int:
    cadence = pulses.load_cadence(found.cadence)
    return cadence.days or 28 * cadence.months


# --- Bringing in ---------------------------------------------------------------------------------------------------

DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would come in; change nothing.")
COMPLETE = "The file is complete: what is not in it {}."


@main.group("import")
def bring_in() -> None:
    """Bring in files: all of it, or nothing when there is a fault."""


@bring_in.command("people")
@click.argument("file", type=FILE)
@click.option("--complete", is_flag=True, help=COMPLETE.format("is made inactive"))
@DRY_RUN
@with_database
def import_people(settings: Settings, file: Path, complete: bool, dry_run: bool) -> None:
    """email,name,department,language,leads,role"""
    _say_import(people.import_people(file, settings.language, complete=complete, rehearse=dry_run).lines(), dry_run)


@bring_in.command("links")
@click.argument("file", type=FILE)
@click.option("--complete", is_flag=True, help=COMPLETE.format("is removed"))
@DRY_RUN
@with_database
def import_links(settings: Settings, file: Path, complete: bool, dry_run: bool) -> None:
    """client,provider,weight"""
    _say_import(people.import_links(file, complete=complete, rehearse=dry_run).lines(), dry_run)


@bring_in.command("external")
@click.argument("file", type=FILE)
@click.option("--mapping", metavar="NAME_OR_FILE", help="How to read the file, when it is not in a canonical form.")
@DRY_RUN
@with_database
def import_external(settings: Settings, file: Path, mapping: str | None, dry_run: bool) -> None:
    """touchpoint,item,date,score or touchpoint,item,date,mean,n[,sd]"""
    how = load_mapping(mapping) if mapping else None
    _say_import(external.import_external(file, how, now(), rehearse=dry_run).lines(), dry_run)


def _say_import(lines: list[str], dry_run: bool) -> None:
    click.echo("\n".join(lines))
    if dry_run:
        click.echo("This was a dry run: nothing has changed.")


# --- Pulses and waves ----------------------------------------------------------------------------------------------


@main.group()
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


@main.group()
def wave() -> None:
    """The runs of pulses."""


@wave.command("list")
@with_database
def wave_list(settings: Settings) -> None:
    """All waves, the latest first."""
    for found in Wave.select(Wave, Pulse).join(Pulse).order_by(Wave.local_date.desc(), Wave.id.desc()):
        answered = releases.whole_participation(releases.participation(found))
        closes = _time(found.pulse, found.closes_at)
        state = f"{found.state} ({found.cancel_reason})" if found.cancel_reason else found.state
        left_out = f", {found.left_out} left out: asked lately" if found.left_out else ""
        click.echo(
            f"{found.id}  {found.pulse.key}  {found.local_date}  {state}  closes {closes}  "
            f"{answered.answered} of {answered.invited} answered{left_out}"
        )


@wave.command("open")
@click.argument("pulse_key")
@with_database
def wave_open(settings: Settings, pulse_key: str) -> None:
    """Open the next wave of a pulse today."""
    found = Pulse.get_or_none(Pulse.key == pulse_key)
    if found is None:
        raise click.ClickException(f'There is no pulse "{pulse_key}".')
    opened = waves.open_now(found, now(), settings.smallest_group, int(settings.rest_days))
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
    """Call off a planned or an open wave; the answers of an open one are deleted."""
    found = Wave.get_or_none(Wave.id == wave_id)
    if found is not None and found.state == "open" and not yes:
        answered = releases.whole_participation(releases.participation(found))
        click.confirm(
            f"Wave {wave_id} is open: {answered.answered} of {answered.invited} have answered. "
            "Their answers are deleted, nothing is published, and this cannot be undone. Cancel it?",
            abort=True,
        )
    if found is None or not waves.cancel_wave(found, now()):
        raise click.ClickException(f"Wave {wave_id} is neither planned nor open; espejo wave list shows all.")
    click.echo(f"Wave {wave_id} is cancelled.")


@main.command("results")
@click.option("--wave", "wave_id", type=WAVE, help="Default: the latest released wave.")
@click.option("--format", "form", type=click.Choice(list(results.FORMATS)), default="json", show_default=True)
@with_database
def show_results(settings: Settings, wave_id: int | None, form: str) -> None:
    """A release's figures."""
    found = [wave for wave in releases.released_waves() if wave_id in (None, wave.id)]
    if not found:
        raise click.ClickException("No such wave has been released." if wave_id else "No wave has been released yet.")
    for piece in results.export(found[0], form):
        click.echo(piece, nl=False)


# --- Access and mail -----------------------------------------------------------------------------------------------


@main.command("login-link")
@click.argument("email")
@with_database
def login_link(settings: Settings, email: str) -> None:
    """Print a link that signs in once."""
    person = people.who_may_sign_in(email)
    if person is None:
        raise click.ClickException(f"{email} may not sign in: no lead and no role (espejo grant hr|admin EMAIL).")
    click.echo(f"{settings.address}/login/{sign_in_token(person.id, person.sign_ins, settings)}")
    click.echo(f"It works once, for {SIGN_IN_MINUTES} minutes.", err=True)


@main.command()
@click.argument("role", type=click.Choice(["hr", "admin"]))
@click.argument("email")
@with_database
def grant(settings: Settings, role: str, email: str) -> None:
    """Give somebody a role; whoever is unknown is added."""
    try:
        person = people.grant(role, email, settings.language)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{person.email} now has the role {role}.")


@main.command("erase")
@click.argument("email")
@with_database
def erase(settings: Settings, email: str) -> None:
    """Forget a person: name and address leave the database; releases stay as they are."""
    if not erasure.erase(email):
        raise click.ClickException(f"Nobody here has the address {email}.")
    click.echo("Erased. Backups made before still hold the name and address.")


@main.command("send-test-mail")
@click.argument("address")
@with_database
def send_test_mail(settings: Settings, address: str) -> None:
    """Send one mail, to see that the mail server is set up."""
    if not settings.smtp_url:
        raise click.ClickException("ESPEJO_SMTP_URL is not set.")
    if not is_address(address):
        raise click.ClickException(f'"{address}" is no e-mail address.')
    transport = SmtpTransport(settings.smtp_url)
    try:
        transport.send(compose_test(create_app(settings), settings, address, now()))
    except (outbox.Refused, outbox.Unreachable) as error:
        raise click.ClickException(f"It was not sent: {error}") from error
    finally:
        transport.close()
    click.echo(f"Sent to {address}.")
