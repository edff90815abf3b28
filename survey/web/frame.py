"""What all pages share: language, headers, the database connection, error pages, and a log without secrets."""

import hashlib
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale
from flask import Flask, Request, abort, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_babel import Babel
from flask_babel import gettext as _
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from werkzeug.exceptions import Forbidden, HTTPException, InternalServerError, NotFound, ServiceUnavailable
from werkzeug.wrappers import Response as WerkzeugResponse

from survey import colours, mirror_words, wording
from survey.database import DATABASE_ERRORS, UNAVAILABLE, reason_of
from survey.measure.cadence import local
from survey.models import database
from survey.settings import CATALOGUES, Settings, find_language, folder, languages, locale_of
from survey.web import duty_words, excuse_words, gap_words, navigation, notice_words
from survey.web.access import has_session, is_signed_in, settings, this_app, this_request
from survey.web.parts import EXTENSION, Parts

F = TypeVar("F", bound=Callable[..., Any])
Headers = list[tuple[str, str]]

BODY_BYTES = 1_000_000  # the largest form; pages that take files allow more
FORM_PARTS = 1000  # of a form that comes with files
SESSION_HOURS = 12
RETRY_SECONDS = 30  # after which a browser may ask again when the database was away
WITHOUT_DATABASE = (
    "static",
    "api.alive",
    "api.ready",
    "api.metrics",
)  # endpoints that answer while the database is away

STATIC = "/static/"  # where the addresses of files begin that browsers may keep
POLICY = "Content-Security-Policy"
HEADERS = [  # of every reply
    ("Referrer-Policy", "no-referrer"),  # an address may hold a token
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
]


def security_policy(styles: str) -> str:
    """The Content-Security-Policy of a page that takes its looks from `styles`: sources, a nonce or a digest."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {styles}",
            "script-src 'self'",
            "img-src 'self' data:",  # the style sheet's icons are data: pictures
            "font-src 'self'",
            "connect-src 'self'",
            "frame-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
        ]
    )


class Sessions(SecureCookieSessionInterface):
    """Flask's, but whoever sends none, as almost all who answer, costs no look at the key."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return super().open_session(app, request) if has_session(request) else self.session_class()

    def is_null_session(self, obj: object) -> bool:
        """Whether there is nothing to save: it was empty, and nobody has written into it."""
        return not (obj or getattr(obj, "modified", False))


class Limited(Request):
    """Flask's, with limits that stand here: Flask would look them up in its configuration at each use."""

    max_content_length: int | None = BODY_BYTES
    max_form_memory_size: int | None = BODY_BYTES
    max_form_parts: int | None = FORM_PARTS


class Espejo(Flask):
    """Flask, but a failed request is logged by the name of its page: its address may hold a token."""

    request_class = Limited
    session_interface = Sessions()

    def wsgi_app(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            is_file = status < "400" and environ["PATH_INFO"].startswith(STATIC)
            return start_response(status, self._completed(status, headers, is_file), exc_info)

        return super().wsgi_app(environ, start)

    def _completed(self, status: str, headers: Headers, is_file: bool) -> Headers:
        """The headers of a reply, and those of every reply; only a file may be kept by browsers."""
        found = [header for header in headers if is_file or header[0] != "Cache-Control"]
        if not is_file:
            found.append(("Cache-Control", "no-store"))
        if POLICY not in dict(found):
            found.append((POLICY, self.config["SECURITY_POLICY"]))
        if status.startswith(str(ServiceUnavailable.code)):
            found.append(("Retry-After", str(RETRY_SECONDS)))
        return found + HEADERS

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """All pages and hooks are plain functions; Flask would look at each again at every request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error("Exception in %s [%s]", request.endpoint, request.method, exc_info=exc_info)


def configure(app: Flask, settings: Settings) -> None:
    look = colours.look(settings.colour)
    app.config.update(
        ESPEJO=settings,
        SECURITY_POLICY=security_policy(f"'self' {look.css_digest}"),
        SECRET_KEY=settings.key(),
        KEPT_CONNECTIONS=False,
        SESSION_COOKIE_NAME="espejo",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_https,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        REMEMBER_COOKIE_DURATION=timedelta(0),
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open all day; the session's end is the limit
        WTF_CSRF_SSL_STRICT=False,  # pages send no referrer; the token and SameSite do the work
        SEND_FILE_MAX_AGE_DEFAULT=timedelta(days=365),  # the address changes with the content
        BABEL_TRANSLATION_DIRECTORIES=str(CATALOGUES),
        RATELIMIT_HEADERS_ENABLED=False,
        RATELIMIT_STORAGE_URI="memory://",
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}  # read once, when Babel first asks for templates
    Babel(app, locale_selector=select_language, default_locale=str(locale_of(settings.language)))
    app.jinja_env.globals.update(
        company=settings.company,
        look=look,
        languages=languages(),
        mail_is_sent=bool(settings.smtp_url),
        timezone=settings.timezone,
        asset=asset,
        today=lambda: wording.day_of(now(), settings.timezone),
        **wording.GLOBALS,
    )
    for words in (wording, duty_words, excuse_words, gap_words, mirror_words, notice_words):
        app.jinja_env.filters.update(words.FILTERS)
    navigation.configure(app)
    app.before_request(_prepare)
    app.teardown_request(_disconnect)
    app.context_processor(lambda: {"language": wording.language()})
    app.register_error_handler(Exception, error_page)
    app.extensions[EXTENSION] = Parts()


def select_language() -> Locale:
    return locale_of(reader_language())


def reader_language() -> str:
    """Asked for in the address, else the reader's own, else the browser's, else the setting's; always one offered."""
    address = this_request()
    asked = find_language(address.args["lang"]) if address.query_string and "lang" in address.args else None
    own = g.get("reader_language")
    if asked is None and own is None and current_user and current_user.is_authenticated:
        own = current_user.person.language
    return asked or (own if own in languages() else browser_language())


def browser_language() -> str:
    """What the reader's browser prefers, else the setting's: known without the database."""
    return request.accept_languages.best_match(languages(), settings().language)


@cache
def asset(name: str) -> str:
    """The address of a file of static/, which changes when its content does."""
    content = (folder("static") / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


def now() -> int:
    """This moment, in UTC seconds."""
    return int(time.time())


def today() -> date:
    """This day, in the company's own time zone."""
    return local(now(), ZoneInfo(settings().timezone)).date()


def _prepare() -> None:
    incoming = this_request()
    _connect(incoming)
    _refuse_nul(incoming)
    _allow_file(incoming)


def _connect(incoming: Request) -> None:
    if incoming.endpoint not in WITHOUT_DATABASE and database.obj.connect(reuse_if_open=True):
        g.connected = True


def _refuse_nul(incoming: Request) -> None:
    """No address of ours has one, and PostgreSQL takes none."""
    if "\0" in incoming.path or b"%00" in incoming.query_string:
        abort(404)


def takes_files(most_bytes: int) -> Callable[[F], F]:
    """The page takes files: HR's requests to it may be as large as `most_bytes`."""

    def marked(page: F) -> F:
        page.most_bytes = most_bytes  # type: ignore[attr-defined]
        return page

    return marked


def _most_bytes(incoming: Request) -> int:
    """What the page that is asked for may be sent; 0 when it takes no files."""
    return _most_bytes_of(current_app, incoming.endpoint or "")


def _most_bytes_of(app: Flask, endpoint: str) -> int:
    return getattr(app.view_functions.get(endpoint), "most_bytes", 0)


def may_send_files(app: Flask, path: str, cookies: str) -> bool:
    """Whether somebody who is signed in sends to a page that takes files, as far as the head of a POST tells.

    `cookies` are as they stand there. It is asked before anything is stored, by the thread of all connections, so it
    asks no database: that a person is still HR is found out by `_allow_file`.
    """
    try:
        endpoint, _ = app.url_map.bind("").match(path, method="POST")
    except HTTPException:
        return False
    return bool(_most_bytes_of(app, endpoint)) and is_signed_in(app, cookies)


def _allow_file(incoming: Request) -> None:
    """Before anything reads the form. A stranger's request stays small."""
    if incoming.method != "POST" or not (most := _most_bytes(incoming)):
        return
    if current_user.is_authenticated and current_user.is_hr:
        incoming.max_content_length = most + BODY_BYTES


def _disconnect(_: BaseException | None) -> None:
    """Close what this request has opened; mails are written in the connection of whoever sends them.

    Where threads last, each keeps its connection, unless something went wrong with it: to make one takes longer than
    most pages.
    """
    if g.get("database_failed" if this_app().config["KEPT_CONNECTIONS"] else "connected"):
        database.close()


def log_failure(error: Exception) -> None:
    """Write down what went wrong, with its traceback; that the database is away, for hours maybe, takes one line."""
    if isinstance(error, DATABASE_ERRORS):
        g.database_failed = True  # and stays so, whatever else fails while that is told
    if not isinstance(error, UNAVAILABLE):
        current_app.log_exception(sys.exc_info())
        return
    current_app.logger.error("No database for %s [%s]: %s", request.endpoint, request.method, reason_of(error))


def error_page(error: Exception) -> tuple[str, int] | WerkzeugResponse:
    """A page in the reader's language for whatever went wrong; what nobody foresaw is logged as well."""
    if not isinstance(error, HTTPException):
        log_failure(error)
        error = ServiceUnavailable() if isinstance(error, UNAVAILABLE) else InternalServerError()
        _speak_the_browsers_language()
    code = error.code or 500
    if error.response is not None or code < 400:
        return error.get_response()
    title, text = _error_words(code)
    own = code in (Forbidden.code, NotFound.code) and current_user.is_authenticated
    leave = generate_csrf() if own and code == Forbidden.code else ""
    return _bare("error.html", title=title, text=text, own=own, leave=leave), code


def bare_page(template: str, **values: object) -> str:
    """A page that needs nothing of the database."""
    _speak_the_browsers_language()
    return _bare(template, **values)


def _speak_the_browsers_language() -> None:
    """The reader's own may be what could not be read."""
    g.setdefault("reader_language", browser_language())


def _bare(template: str, **values: object) -> str:
    """Rendered without what other pages are given: who is reading may be what could not be found out."""
    return current_app.jinja_env.get_template(template).render(language=wording.language(), **values)


def _error_words(code: int) -> tuple[str, str]:
    if code == 413 and (bytes_ := _most_bytes(request)):
        most = _("%(most)s MB", most=bytes_ // 1_000_000)
        return _("That file is too large"), _("It may have %(most)s at most. Nothing was stored.", most=most)
    words = {
        400: (_("This form has expired"), _("Go back, reload the page and send it again. Nothing was stored.")),
        403: (_("This page is not yours to see"), _("Sign in with another address, or ask HR for access.")),
        404: (_("There is no such page"), _("Check the address, or open the link from your mail once more.")),
        413: (_("That is too much text"), _("Nothing was stored. Go back, shorten it and send it again.")),
        429: (_("Too many attempts"), _("Wait a few minutes, then try again.")),
        503: (
            _("The database does not answer just now"),
            _("Try again in a minute. If you were sending something, look first whether it has arrived."),
        ),
    }
    other = (_("Something went wrong"), _("Nothing was stored. Try again in a few minutes."))
    return words.get(code, other)
