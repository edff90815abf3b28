"""Signing in and out, and the front door."""

from hashlib import sha256

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField
from wtforms.validators import DataRequired, Length, Regexp

from survey import outbox
from survey.people import end_sessions, use_sign_in, who_may_sign_in
from survey.signing import SIGN_IN_MINUTES, read_sign_in
from survey.web.access import limiter, settings, sign_in
from survey.web.fields import one_line
from survey.web.frame import now

blueprint = Blueprint("account", __name__)

# All leads may sit behind one address and sign in when their summaries arrive, so requests from an address are many,
# and of links only those that do not work are counted.
BAD_LINKS = "30 per 15 minutes"


class SignInForm(FlaskForm):
    email = EmailField(filters=[one_line], validators=[DataRequired(), Length(max=254), Regexp(r".+@.+")])


def _counted_as(typed: str | None) -> str:
    """What links to one address are counted by; of a few bytes, however much was typed."""
    return sha256(one_line(typed).lower().encode()).hexdigest()


def index() -> str | Response:
    """The front door: one's own page, or where to find one's link."""
    if current_user.is_authenticated:
        return redirect(current_user.home)
    return render_template("account/index.html")


@blueprint.route("/login", methods=["GET", "POST"])
@limiter.limit("300 per hour", methods=["POST"])
@limiter.limit("5 per 15 minutes", methods=["POST"], key_func=lambda: _counted_as(request.form.get("email")))
def login() -> str | tuple[str, int]:
    """Ask for a sign-in link. The answer is the same whether the address is known or not."""
    form = SignInForm()
    if not form.validate_on_submit():
        return render_template("account/login.html", form=form), 422 if form.is_submitted() else 200
    if person := who_may_sign_in(form.email.data):
        expires_at = now() + 60 * SIGN_IN_MINUTES
        outbox.queue(outbox.SIGN_IN, [person.id], now(), expires_at=expires_at)
    return render_template("account/link_sent.html", minutes=SIGN_IN_MINUTES)


@blueprint.get("/login/<token>")
def offer_sign_in(token: str) -> str | tuple[str, int]:
    """A button; so a mail scanner that opens the link uses nothing up."""
    if read_sign_in(token, settings()) is None:
        return _bad_link()
    return render_template("account/sign_in.html", token=token)


@blueprint.post("/login/<token>")
def use_link(token: str) -> Response | tuple[str, int]:
    """Sign in, once for each link."""
    found = read_sign_in(token, settings())
    person = use_sign_in(*found) if found else None
    return redirect(sign_in(person)) if person else _bad_link()


def _bad_link() -> tuple[str, int]:
    with limiter.limit(BAD_LINKS):
        return render_template("account/link_expired.html"), 410


@blueprint.post("/logout")
def logout() -> Response:
    """Sign out, on every device: a cookie that somebody has copied is worth nothing any more."""
    if current_user.is_authenticated:
        end_sessions(current_user.person.id)
    logout_user()
    flash(_("You are signed out."))
    return redirect(url_for("account.login"))
