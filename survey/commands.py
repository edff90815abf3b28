"""What every command shares: settings, an open database, and plain messages in place of tracebacks."""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from peewee import PeeweeException

from survey import database, waves
from survey.backups import BackupRefused
from survey.entries import MappingError
from survey.measure.cadence import CadenceError, local
from survey.models import database as tables
from survey.refusal import Refusal
from survey.settings import Settings, SettingsError
from survey.sheets import ImportRefused

# What people can mend: shown as one message, without a traceback.
MENDABLE = (
    ImportRefused,
    SettingsError,
    BackupRefused,
    MappingError,
    Refusal,
    waves.WaveError,
    CadenceError,
)

FILE = click.Path(path_type=Path)
PORT = click.IntRange(1, 65535)
WAVE = click.IntRange(1, 2**31 - 1)  # the numbers that a database gives to rows


def now() -> int:
    return int(time.time())


def local_time(second: int, zone: str) -> str:
    """An instant as the wall of a time zone shows it, with its offset."""
    return f"{local(second, ZoneInfo(zone)):%Y-%m-%d %H:%M%z}"


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command gets the settings first; what people can mend becomes a plain message."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(Settings.from_environment(), *args, **kwargs)
        except MENDABLE as error:
            raise click.ClickException(str(error)) from error
        except PeeweeException as error:
            raise click.ClickException(f"The database cannot be used: {error}") from error

    return guarded


def with_database(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same, with the database open and up to date."""

    @with_settings
    @wraps(command)
    def opened(settings: Settings, *args: Any, **kwargs: Any) -> Any:
        database.open_database(settings)
        try:
            return command(settings, *args, **kwargs)
        finally:
            tables.close()

    return opened
