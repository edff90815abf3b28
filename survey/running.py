"""The commands that run the service: demo, serve, scheduler, tick."""

import logging
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from apscheduler.schedulers.blocking import BlockingScheduler

from survey import asking, create_app, database, demo, leases, outbox
from survey.commands import FILE, PORT, now, with_database, with_settings
from survey.models import database as tables
from survey.scheduler import Clockwork, add_jobs, present
from survey.server import Server
from survey.settings import Settings


@click.command("demo")
@click.option("--port", type=PORT, default=8000, show_default=True)
@click.option("--home", type=FILE, help="Keep the demo in this folder; without it everything is gone at the end.")
def run_demo(port: int, home: Path | None) -> None:
    """Start a company with history, an open wave and a mailbox page. Ctrl-C stops it."""
    with tempfile.TemporaryDirectory(prefix="espejo-demo-") as scratch:
        settings = demo.settings(home or Path(scratch), port)
        server = _server(settings, "127.0.0.1", port, for_demo=True)
        click.echo("Making the demo company …")
        logging.getLogger("peewee.migrations").setLevel(logging.WARNING)  # a line for each table helps no newcomer
        started = time.monotonic()
        database.open_database(settings)
        demo.fill(settings, now(), Clockwork(create_app(settings, demo=True), settings, demo.Mailbox(settings)).mail)
        tables.close()
        click.echo(f"Made in {time.monotonic() - started:.1f} s. Ctrl-C stops it.")
        click.echo(f"Who is who:          {settings.address}/")
        click.echo(f"The company's mail:  {settings.address}/mailbox/")
        server.run()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=PORT, default=8000, show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes; more than one needs PostgreSQL.",
)
@click.option("--no-scheduler", is_flag=True, help="Only the pages; the clock runs elsewhere (espejo scheduler).")
@with_settings
def serve(settings: Settings, host: str, port: int, workers: int, no_scheduler: bool) -> None:
    """Web and scheduler together."""
    database.open_database(settings)
    tables.close()
    if workers > 1 and database.is_sqlite():
        raise click.ClickException("SQLite is written by one process; use --workers 1, or PostgreSQL.")
    with tables.connection_context():
        for fault in asking.faults():
            click.echo(f"Warning: {fault}", err=True)
    server = _server(settings, host, port, with_clock=not no_scheduler)
    click.echo(f"Espejo is at http://{host}:{port}/ (links in mails begin with {settings.address})")
    server.run(workers)


def _server(settings: Settings, host: str, port: int, *, with_clock: bool = True, for_demo: bool = False) -> Server:
    transport = demo.Mailbox(settings) if for_demo else None
    try:
        return Server(
            lambda: create_app(settings, demo=for_demo),
            settings,
            host,
            port,
            with_clock=with_clock,
            transport=transport,
        )
    except OSError as error:
        raise click.ClickException(
            f"{host}:{port} cannot be used ({error.strerror}); choose another --port."
        ) from error


@click.command("scheduler")
@with_database
def run_scheduler(settings: Settings) -> None:
    """The scheduler alone."""
    scheduler = BlockingScheduler(timezone="UTC")
    clock = add_jobs(scheduler, Clockwork(create_app(settings), settings))
    tables.close()
    signal.signal(signal.SIGTERM, lambda *_: scheduler.shutdown(wait=False))
    click.echo("The scheduler is running; Ctrl-C stops it.")
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        click.echo("Stopped.")
    finally:
        clock.resign()


@click.command()
@click.option("--at", "moment", metavar="TIME", help="As if it were this moment: 2026-03-02T09:00+01:00")
@with_database
def tick(settings: Settings, moment: str | None) -> None:
    """Do once what is due now (or then), and stop."""
    when = present() if moment is None else _moment(moment, settings)
    if moment is None:
        leases.note_tick(when)
    done = Clockwork(create_app(settings), settings, say=_show).tick(when)
    _show("")
    _say_counts(done, "Nothing was due.")
    if outbox.paused_since() is not None:
        click.echo("Mail is paused, so none leaves: espejo mail resume.")
    if not settings.smtp_url and outbox.state_counts().get("pending"):
        click.echo("Mail stays queued: ESPEJO_SMTP_URL is not set.")


def _moment(text: str, settings: Settings) -> int:
    """An instant as people write it; without an offset it is local to the setting's time zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f'"{text}" is no moment; write one like 2026-03-02T09:00+01:00.') from error
    return int((found if found.tzinfo else found.replace(tzinfo=ZoneInfo(settings.timezone))).timestamp())


def _show(line: str) -> None:
    """How far a delivery is: one line that is written over and over on a terminal, a line each elsewhere."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{line}", nl=False, err=True)
    elif line:
        click.echo(line, err=True)


def _say_counts(counts: Counter[str], otherwise: str) -> None:
    lines = [f"{what}: {n}" for what, n in counts.items() if n]
    click.echo("\n".join(lines) or otherwise)
