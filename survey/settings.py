"""Every setting of Espejo: default, unit, environment name and one line of meaning.

A setting comes from the environment (`ESPEJO_SMTP_URL`), or from a file that the environment names
(`ESPEJO_SMTP_URL_FILE`), as container platforms hand over secrets.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from email.errors import MessageError
from email.headerregistry import Address
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError

from survey import colours

SOURCE_LANGUAGE = "en"  # the code is written in it, so it needs no catalogue
FIRST_LANGUAGES = ("es", "en")  # the others follow by their codes
CATALOGUES = Path(__file__).parent / "translations"
DATABASES = ("postgresql", "cockroachdb")
PLAIN_ADDRESS = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+")
KEY_FILE = "secret-key"  # in the home folder
LONGEST_REPLY = 60  # working days; whoever waits longer has been asked again meanwhile
SMALLEST_GROUP = 3  # people; below this no promise of confidentiality would mean anything
LARGEST_GROUP = 1000  # beyond it next to nothing would ever be shown
MOST_DAYS = 3650  # that a setting may ask for
MOST_PROXIES = 10
COUNTED_TOGETHER = "PROMETHEUS_MULTIPROC_DIR"  # the library's own name of the folder where processes share their counts


class SettingsError(ValueError):
    """A setting cannot be used; the message names it, what was found and what was expected."""


def setting(default: str, unit: str, meaning: str) -> Any:
    return field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(frozen=True)
class Settings:
    """The values of all settings, as text; `home_folder`, `smallest_group` and the like read them."""

    home: str = setting("./espejo-data", "folder", "where the database and the secret key live")
    database_url: str = setting("", "URL", "empty: SQLite in the home folder; or postgresql://…, cockroachdb://…")
    secret_key: str = setting("", "text", "signs every link and session; empty: a file made on first use, mode 0600")
    base_url: str = setting("http://127.0.0.1:8000", "URL", "the address that mailed links begin with")
    smtp_url: str = setting("", "URL", "smtp://user:password@host:port or smtps://…; empty: mail stays queued")
    mail_from: str = setting("espejo@localhost", "e-mail address", "the sender of every mail")
    mail_per_minute: str = setting(
        "", "mails", "no more leave in any 60 seconds, all processes together; empty: no limit"
    )
    company: str = setting("Espejo", "text", "the company's name on pages and in mails")
    colour: str = setting(
        "#0f766e", "#rrggbb", "the company's colour on the answer page and in mails; one that is too pale is refused"
    )
    language: str = setting("es", "code", "the language of people who have chosen none")
    timezone: str = setting("Europe/Madrid", "IANA name", "the time zone of pulses that name none")
    min_group: str = setting("5", "people, at least 3", "no figure about fewer people is ever shown")
    retention_days: str = setting("90", "days", "after a wave has closed, who was asked in it is forgotten")
    rest_days: str = setting("14", "days", "a person is asked once in so many days by all pulses together; 0: no limit")
    reply_within: str = setting(
        "5", "working days, at least 1", "a complaint is answered in time within so many of its release"
    )
    trusted_proxies: str = setting("0", "count", "reverse proxies in front whose X-Forwarded headers may be believed")
    metrics_token: str = setting("", "text", "who sends it as a bearer token may read /metrics; empty: nobody")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **given: str) -> "Settings":
        """The settings of `environment` (default: the process's), each overridden by `given`.

        Raises SettingsError when one cannot be used.
        """
        environment = os.environ if environment is None else environment
        found = {f.name: value for f in fields(cls) if (value := _value(f, environment)) is not None}
        settings = cls(**{**found, **given})
        settings.check()
        return settings

    def check(self) -> None:
        """Raise SettingsError for the first setting that cannot be used."""
        if self.language not in languages():
            raise SettingsError(f'ESPEJO_LANGUAGE: "{self.language}" is not offered; write {offered_languages()}.')
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise SettingsError(
                f'ESPEJO_TIMEZONE: "{self.timezone}" is no time zone; write a name like Europe/Madrid.'
            ) from None
        if not self.min_group.isdecimal() or not SMALLEST_GROUP <= int(self.min_group) <= LARGEST_GROUP:
            raise SettingsError(
                f'ESPEJO_MIN_GROUP: "{self.min_group}" is no whole number from {SMALLEST_GROUP} to {LARGEST_GROUP}.'
            )
        for name, most in (("trusted_proxies", MOST_PROXIES), ("retention_days", MOST_DAYS), ("rest_days", MOST_DAYS)):
            if not getattr(self, name).isdecimal() or int(getattr(self, name)) > most:
                raise SettingsError(
                    f'ESPEJO_{name.upper()}: "{getattr(self, name)}" is no count; write 0, 1, 2 … {most:,}.'
                )
        if not self.reply_within.isdecimal() or not 1 <= int(self.reply_within) <= LONGEST_REPLY:
            raise SettingsError(
                f'ESPEJO_REPLY_WITHIN: "{self.reply_within}" is no count of working days; write 1 to {LONGEST_REPLY}.'
            )
        if self.mail_per_minute and not self.mail_per_minute.isdecimal():
            raise SettingsError(f'ESPEJO_MAIL_PER_MINUTE: "{self.mail_per_minute}" is no count; write 30, or nothing.')
        if int(self.rest_days) > int(self.retention_days):
            raise SettingsError(
                f"ESPEJO_REST_DAYS: {self.rest_days} is more than ESPEJO_RETENTION_DAYS ({self.retention_days}): "
                "who was asked would be forgotten before they have rested."
            )
        if fault := colours.fault(self.colour):
            raise SettingsError(f"ESPEJO_COLOUR: {fault}")
        if not _is_url(self.base_url, ("http", "https")):
            raise SettingsError(f'ESPEJO_BASE_URL: "{self.base_url}" is no address like https://espejo.example.')
        if self.smtp_url and not _is_url(self.smtp_url, ("smtp", "smtps")):
            raise SettingsError("ESPEJO_SMTP_URL: write smtp://user:password@host:port or smtps://….")
        if self.database_url and not _is_database_url(self.database_url):
            raise SettingsError(f"ESPEJO_DATABASE_URL: write {'://… or '.join(DATABASES)}://…; empty means SQLite.")
        if not is_address(self.mail_from):
            raise SettingsError(f'ESPEJO_MAIL_FROM: "{self.mail_from}" is no plain e-mail address.')

    def language_for(self, code: str | None) -> str:
        """The language of somebody who has chosen `code`: the default one when it is not offered, or no longer."""
        return code if code in languages() else self.language

    @property
    def home_folder(self) -> Path:
        return Path(self.home).expanduser()

    @property
    def smallest_group(self) -> int:
        return int(self.min_group)

    @property
    def reply_days(self) -> int:
        """Working days within which a complaint is answered in time."""
        return int(self.reply_within)

    @property
    def mail_rate(self) -> int:
        """How many mails may leave in a minute; 0: no limit."""
        return int(self.mail_per_minute or 0)

    @property
    def address(self) -> str:
        """The base address without a slash at its end."""
        return self.base_url.rstrip("/")

    @property
    def is_https(self) -> bool:
        return self.base_url.startswith("https://")

    def make_home(self) -> Path:
        """The home folder, made readable by its owner alone when it is missing."""
        try:
            self.home_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError(f"ESPEJO_HOME: {self.home} cannot be a folder ({error.strerror}).") from error
        return self.home_folder

    def key(self) -> str:
        """The secret key: the setting, else the file in the home folder, which is made on first use."""
        return self.secret_key or self._own_key

    @cached_property
    def _own_key(self) -> str:
        return _key_from_file(self.make_home() / KEY_FILE)


# --- Languages -----------------------------------------------------------------------------------------------------


@cache
def languages() -> dict[str, str]:
    """{code: the language's own name} of all that are offered: {"es": "español", …, "pt-BR": "português (Brasil)"}.

    English is the source; any other language is offered when it has a compiled catalogue, in a folder like pt_BR.
    Raises SettingsError when a folder is named like no language.
    """
    folders = {path.parent.parent.name for path in CATALOGUES.glob("*/LC_MESSAGES/messages.mo")}
    names = {}
    for folder in {SOURCE_LANGUAGE, *folders}:
        try:
            locale = Locale.parse(folder)
        except (UnknownLocaleError, ValueError) as error:
            raise SettingsError(f"{CATALOGUES / folder}: name the folder like a language: fr, pt_BR.") from error
        names[code_of(locale)] = locale.get_display_name() or folder
    return {code: names[code] for code in sorted(names, key=_rank)}


def _rank(code: str) -> tuple[int, str]:
    return FIRST_LANGUAGES.index(code) if code in FIRST_LANGUAGES else len(FIRST_LANGUAGES), code


def offered_languages() -> str:
    """The codes as a sentence lists them: "es, en or pt-BR"."""
    *others, last = languages()
    return f"{', '.join(others)} or {last}" if others else last


def find_language(text: str) -> str | None:
    """The code of the offered language that `text` names, in any case, with a hyphen or an underscore; else None."""
    if text in languages():
        return text
    wanted = text.strip().replace("_", "-").casefold()
    return next((code for code in languages() if code.casefold() == wanted), None) if wanted else None


def code_of(locale: Locale) -> str:
    """A language as pages and files write it (BCP 47): "es", "pt-BR"."""
    return str(locale).replace("_", "-")


@cache
def locale_of(code: str) -> Locale:
    return Locale.parse(code, sep="-")


# --- Reading what is given -----------------------------------------------------------------------------------------


def is_address(text: str) -> bool:
    """Whether a mail can be addressed to, or come from, this plain e-mail address."""
    if PLAIN_ADDRESS.fullmatch(text):  # nearly all are; the parser takes 50 µs for each
        return True
    try:
        return bool(Address(addr_spec=text).domain)
    except (MessageError, ValueError, IndexError):
        return False


def _is_url(text: str, schemes: tuple[str, ...], *, needs_host: bool = True) -> bool:
    """Whether `text` is an URL of one of these schemes, with a host and, if any, a port that is a number."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises ValueError
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname or not needs_host)


def _is_database_url(text: str) -> bool:
    """The same, but there may be several hosts, h1:5432,h2:5432, or none: then they are named after the `?`."""
    scheme, _, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, hosts = authority.rpartition("@")
    one_by_one = (f"{scheme}://{user}{at}{host}{slash}{path}" for host in hosts.split(","))
    return all(_is_url(url, DATABASES, needs_host=False) for url in one_by_one)


def environment_name(f: "Field[Any]") -> str:
    return f"ESPEJO_{f.name.upper()}"


def _value(f: "Field[Any]", environment: Mapping[str, str]) -> str | None:
    name = environment_name(f)
    file_name = environment.get(f"{name}_FILE")
    if file_name and name in environment:
        raise SettingsError(f"{name} and {name}_FILE are both set; keep one of them.")
    if not file_name:
        return environment.get(name)
    try:
        text = Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{name}_FILE: {file_name} cannot be read ({error.strerror}).") from error
    if not text:
        raise SettingsError(f"{name}_FILE: {file_name} is empty.")
    return text


def _key_from_file(path: Path) -> str:
    """The text of `path`. Two processes that start at once agree: the file is linked into place whole, once."""
    if not path.exists():
        draft = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key counts
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def folder(name: str) -> Path:
    """Where `static` or `schedules` is: inside the installed package, else beside it in a checkout.

    A wheel carries both folders inside the package; an editable install leaves them at the project's root.
    """
    package = Path(__file__).parent
    for place in (package / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"The folder {name} is neither in {package} nor beside it; is the installation whole?")
