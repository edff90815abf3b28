"""Who may see what: signing in, roles, and limits on attempts. No page checks a right anywhere else."""

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, Request, abort, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_wtf.csrf import CSRFProtect, generate_csrf
from itsdangerous import BadData
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Response

from survey.models import HR_ROLES, Department, Person
from survey.people import leads_of
from survey.settings import Settings

ASKED_FOR = "next"  # where the session keeps the page that a stranger asked for
COOKIES_BYTES = 8_000  # more than a browser's; to read a head full of them would hold up all connections
OWN_PAGE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")  # no line ends, spaces or backslashes either


class Forms(CSRFProtect):
    """Who only reads a page is asked for no form's key, and costs no look at which forms need one."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if this_request().method in this_app().config["WTF_CSRF_METHODS"]:
            super().protect(apply_exemptions)


csrf = Forms()


class PageLimiter(Limiter):
    """Limits stand at the pages that have some, and none is common to all: other pages have nothing to do with it."""

    def init_app(self, app: Flask) -> None:
        """It adds its hooks, which no limit of ours needs, to applications that do not know it yet."""
        app.extensions.setdefault("limiter", set()).add(self)
        super().init_app(app)


class Accounts(LoginManager):
    """Nobody is remembered for longer than a session."""

    def _update_remember_cookie(self, response: Response) -> Response:
        return response


login_manager = Accounts()
limiter = PageLimiter(get_remote_address)  # counts in memory only: who tried how often is never written down
limiter.logger.setLevel(logging.WARNING)  # below, it names the visitor, or the address that was typed


class Account(UserMixin):
    """The signed-in person, as flask-login wants it."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.leads = leads_of(person)

    def get_id(self) -> str:
        return session_of(self.person)

    @property
    def is_hr(self) -> bool:
        return self.person.role in HR_ROLES

    @property
    def home(self) -> str:
        """The address of the page that this person came for."""
        return url_for("hr.overview") if self.is_hr else url_for("lead.results")


def session_of(person: Person) -> str:
    """What a session holds: who it is, and how often all of their sessions have ended before."""
    return f"{person.id}.{person.sessions}"


@login_manager.user_loader
def _load(known: str) -> Account | None:
    """The account, as long as the person is active and has not signed out, here or elsewhere."""
    person_id, _, sessions = known.partition(".")
    person = Person.get_or_none(Person.id == int(person_id), Person.sessions == int(sessions or -1), Person.active)
    return Account(person) if person else None


@login_manager.unauthorized_handler
def _ask_to_sign_in() -> Response:
    """To the sign-in page; whoever opens the mailed link in this browser comes back to the page asked for."""
    if request.method == "GET":
        session[ASKED_FOR] = request.full_path.rstrip("?")
    return redirect(url_for("account.login"))


def sign_in(person: Person) -> str:
    """Sign in, and return the address of the page that was asked for before, else of the person's own."""
    asked_for = session.pop(ASKED_FOR, "")
    account = Account(person)
    login_user(account)
    return asked_for if is_own_page(asked_for) else account.home


def is_own_page(address: str) -> bool:
    """Whether an address is a path of this server; browsers read "//" and "/\\" as the start of another one's name."""
    return bool(OWN_PAGE.fullmatch(address))


def hr_only(page: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for HR and administrators."""

    @wraps(page)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        if not current_user.is_hr:
            abort(403)
        return page(*args, **kwargs)

    return guarded


def leads_only(page: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for people who lead a department; it is handed the departments they lead, and no others."""

    @wraps(page)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        if not current_user.leads:
            abort(403)
        return page(current_user.leads, *args, **kwargs)

    return guarded


def signed_in_only(page: Callable[..., Any]) -> Callable[..., Any]:
    """The page is for whoever may sign in: HR, administrators, and people who lead a department."""

    @wraps(page)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
        if not (current_user.is_hr or current_user.leads):
            abort(403)
        return page(*args, **kwargs)

    return guarded


def department_or_404(key: str) -> Department:
    """The active department of this key, for readers who may see every department."""
    return Department.get_or_none(Department.key == key, Department.active) or abort(404)


def has_session(incoming: Request) -> bool:
    """Whether the browser sends a session, which is all that a form's key protects.

    Who answers, or holds a receipt, is told by a link or a code that nobody can guess, and not by a cookie. So a site
    that makes a browser post there gains nothing that it could not do by itself, a browser that keeps no cookies can
    send all the same, and these pages bring none.
    """
    return "HTTP_COOKIE" in incoming.environ and current_app.config["SESSION_COOKIE_NAME"] in incoming.cookies


def is_signed_in(app: Flask, cookies: str) -> bool:
    """Whether cookies, as they stand in a request's head, hold a session that we have signed for somebody."""
    if len(cookies) > COOKIES_BYTES:
        return False
    keeper = SecureCookieSessionInterface().get_signing_serializer(app)
    kept = parse_cookie(cookies).get(app.config["SESSION_COOKIE_NAME"])
    if keeper is None or kept is None:
        return False
    try:
        return "_user_id" in keeper.loads(kept, max_age=int(app.permanent_session_lifetime.total_seconds()))
    except BadData:
        return False


def form_key(incoming: Request) -> str:
    """The key of a form, for browsers that have a session; to make one would begin a session."""
    return generate_csrf() if has_session(incoming) else ""


def this_request() -> Request:
    """The request under way: to look it up at each use takes longer than most of what it is asked."""
    return request._get_current_object()  # type: ignore[attr-defined]


def this_app() -> Flask:
    """The application that answers, looked up once for the same reason."""
    return current_app._get_current_object()  # type: ignore[attr-defined]


def settings() -> Settings:
    return this_app().config["ESPEJO"]
