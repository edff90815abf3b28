"""The command `espejo`."""

import logging
import sys
from pathlib import Path

import click

from survey import (
    asking,
    audience,
    backups,
    create_app,
    database,
    deliveries,
    erasure,
    external,
    kept_mappings,
    leases,
    links,
    outbox,
    people,
    planning,
    pulses,
    releases,
    results,
    roster,
    running,
    scheduler,
    waves,
)
from survey.commands import FILE, WAVE, local_time, now, with_database, with_settings
from survey.emails import compose_test
from survey.models import Pulse
from survey.models import database as tables
from survey.settings import KEY_FILE, Settings, is_address
from survey.signing import SIGN_IN_MINUTES, sign_in_token
from survey.smtp import SmtpTransport
from survey.transport import NotTaken


@click.group()
@click.version_option(package_name="espejo")
def main() -> None:
    """Espejo asks employees how other departments serve them, and sets that beside what customers say."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.WARNING)


for command in (running.run_demo, running.serve, running.run_scheduler, running.tick, planning.pulse, planning.wave):
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
    backups.back_up(file, settings)
    click.echo(f"{file}: {file.stat().st_size} bytes")
    if not settings.secret_key:
        click.echo(f"Keep {settings.home_folder / KEY_FILE} too, elsewhere: links in mails work with that key alone.")


@main.command()
@click.argument("file", type=FILE)
@click.option("--with-other-key", is_flag=True, help="Even if links in mails that have left will not work any more.")
@with_database
def restore(settings: Settings, file: Path, with_other_key: bool) -> None:
    """Bring the backup FILE into an empty database: SQLite, or what ESPEJO_DATABASE_URL names."""
    click.echo(f"{'table':<28}{'rows':>12}  {'backup':<18}here")
    backups.restore(file, settings, now(), with_other_key=with_other_key, report=_say_copied)
    click.echo("All tables are equal. Mail is paused: stop the old Espejo, then espejo mail resume.")


def _say_copied(copied: backups.Copied) -> None:
    click.echo(f"{copied.table:<28}{copied.backup.rows:>12,}  {copied.backup!s:<18}{copied.here}")


@main.command()
@with_database
def doctor(settings: Settings) -> None:
    """Look for what keeps Espejo from working well; exit 1 when something is wrong."""
    wrong = []
    if settings.smtp_url == "":
        wrong.append("ESPEJO_SMTP_URL is not set, so no mail is sent.")
    if outbox.paused_since() is not None:
        wrong.append("Mail is paused, so none is sent; espejo mail resume.")
    if dead := outbox.state_counts().get("dead"):
        wrong.append(f"Mails refused for good: {dead}; see the page Mail.")
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
    wrong += map(str, asking.faults())
    wrong += [f"{key}: {planning.too_many(count)}" for key, count in asking.too_long().items()]
    wrong += [f"{department.name} has no lead." for department in people.departments_without_lead()]
    wrong += [
        f"Wave {late.id} ({late.pulse.key}) should have {'closed' if late.was_open else 'opened'} at "
        f"{local_time(late.closes_at if late.was_open else late.opens_at, late.pulse.timezone)}; "
        "does a scheduler run? Its log says what fails."
        for late in waves.overdue(now())
    ]
    wrong += [
        f"{found.key} asks {people_asked} people; of fewer than {settings.smallest_group} nothing is ever shown."
        for found in Pulse.select().where(Pulse.state == "active")
        if (people_asked := audience.reach(found.id)) < settings.smallest_group
    ]
    wrong += [
        f"{found.key} is {found.cadence}, but ESPEJO_REST_DAYS is {settings.rest_days}: some waves will ask nobody."
        for found in Pulse.select()
        if _days_between_waves(found) < int(settings.rest_days)
    ]
    click.echo(_who_runs_the_clock(), nl=False)
    if not (database.is_sqlite() or settings.secret_key):
        click.echo(
            f"The secret key is {settings.home_folder / KEY_FILE}; each host needs the same (ESPEJO_SECRET_KEY)."
        )
    click.echo("\n".join(wrong) or "All is well.")
    if wrong:
        sys.exit(1)


def _who_runs_the_clock() -> str:
    """A line about the scheduler, once there was one."""
    lease = leases.standing()
    if not lease.ticked_at:
        return ""
    last = f"it ticked last at {local_time(lease.ticked_at, 'UTC')}"
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
    _say_import(roster.import_people(file, settings.language, complete=complete, rehearse=dry_run).lines(), dry_run)


@bring_in.command("links")
@click.argument("file", type=FILE)
@click.option("--complete", is_flag=True, help=COMPLETE.format("is removed"))
@DRY_RUN
@with_database
def import_links(settings: Settings, file: Path, complete: bool, dry_run: bool) -> None:
    """client,provider,weight"""
    _say_import(links.import_links(file, complete=complete, rehearse=dry_run).lines(), dry_run)


@bring_in.command("external")
@click.argument("file", type=FILE)
@click.option("--mapping", metavar="NAME_OR_FILE", help="How to read the file, when it is not in a canonical form.")
@DRY_RUN
@with_database
def import_external(settings: Settings, file: Path, mapping: str | None, dry_run: bool) -> None:
    """touchpoint,item,date,score or touchpoint,item,date,mean,n[,sd]"""
    how = kept_mappings.find(mapping) if mapping else None
    _say_import(external.import_external(file, how, now(), rehearse=dry_run).lines(), dry_run)


def _say_import(lines: list[str], dry_run: bool) -> None:
    click.echo("\n".join(lines))
    if dry_run:
        click.echo("This was a dry run: nothing has changed.")


# --- Results ---------------------------------------------------------------------------------------------------------


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


@main.group("mail")
def mail() -> None:
    """What leaves, and whether it may."""


@mail.command("pause")
@with_database
def mail_pause(settings: Settings) -> None:
    """Let no mail leave, whichever process would send it."""
    outbox.pause(now())
    click.echo("Mail is paused: it stays queued until espejo mail resume.")


@mail.command("resume")
@with_database
def mail_resume(settings: Settings) -> None:
    """Let mail leave again."""
    outbox.resume()
    click.echo("Mail leaves again.")


@mail.command("status")
@with_database
def mail_status(settings: Settings) -> None:
    """How far the mail is."""
    paused, whole = outbox.paused_since(), deliveries.whole()
    if paused is not None:
        click.echo(f"Paused since {local_time(paused, settings.timezone)}: espejo mail resume.")
    left = deliveries.minutes_left(outbox.waiting(), now(), settings.mail_rate)
    click.echo(deliveries.line(whole, left))
    for found in deliveries.by_wave():
        name = f"{found.wave.pulse.key} {found.wave.local_date} {found.kind}"
        click.echo(f"  {name}: {deliveries.line(found.counts, is_under_way=found.is_under_way)}")


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
    except NotTaken as error:
        raise click.ClickException(f"It was not sent: {error}") from error
    finally:
        transport.close()
    click.echo(f"Sent to {address}.")
