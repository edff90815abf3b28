"""Invitations and reminders: the first question at once, whom to trust, and what came of earlier waves."""

import re
from dataclasses import replace
from datetime import date
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask

from survey import commitments, create_app, emails, outbox
from survey.colours import look
from survey.models import (
    Commitment,
    Department,
    Invitation,
    Rating,
    Wave,
    database,
)
from survey.questionnaire import DEFAULT, load_questionnaire
from survey.settings import Settings
from survey.signing import reader_token
from tests.cast import Company
from tests.mails import (
    HOSTILE,
    LINK,
    Post,
    Words,
    Write,
    _today,
    assert_sound,
    each_mail,
    html_of,
    post,
    scenes,
    text_of,
    to_read,
    written,
)

__all__ = ["_today", "post", "scenes", "to_read", "written"]  # fixtures

# --- The first question --------------------------------------------------------------------------------------------

asking = pytest.mark.parametrize("name", ["invitation", "reminder"])


def scale_of(mail: EmailMessage) -> list[str]:
    """Where the answers offered in a mail lead, in their order."""
    return re.findall(r'href="([^"]*\?overall=[^"]*)"', html_of(mail))


@asking
def test_the_first_question_is_answered_by_one_of_five_links(name: str, to_read: Write) -> None:
    mail = to_read(name)
    (address,) = [link for link in Words(html_of(mail)).links if "/r/" in link and "?" not in link]
    assert scale_of(mail) == [f"{address}?overall={score}" for score in (1, 2, 3, 4, 5)]
    assert text_of(mail).count("/r/") == 1


@asking
def test_following_a_link_fills_in_that_answer_and_stores_nothing(
    name: str, written: Write, app: Flask, company: Company
) -> None:
    mail = written(name)
    first = text_of(mail).split(": All in all")[0].rsplit("\n", 1)[-1]
    assert (
        first
        == Department.get_by_id(int(Invitation.get(Invitation.person == company.charlie).providers.split()[0])).name
    )
    database.close()
    for score, link in enumerate(scale_of(mail), start=1):
        page = app.test_client().get(link).text
        (checked,) = re.findall(r'name="(p\d+-\w+)" value="(\w+)" checked', page)
        assert checked == (f"p{Department.get(Department.name == first).id}-overall", str(score))
    assert not Rating.select().exists()
    assert not Invitation.select().where(Invitation.answered).exists()


@pytest.mark.parametrize("asked", ["0", "6", "na", "1.0", "x", "", "-1", "<b>"])
def test_any_other_answer_in_the_address_fills_in_nothing(asked: str, written: Write, app: Flask) -> None:
    link = scale_of(written("invitation"))[0].replace("?overall=1", "")
    database.close()
    page = app.test_client().get(link, query_string={"overall": asked})
    assert page.status_code == 200
    assert " checked" not in page.text


def test_an_answer_in_the_address_is_not_taken_for_one_that_was_sent(written: Write, app: Flask) -> None:
    link = scale_of(written("invitation"))[4]
    database.close()
    assert app.test_client().post(link, data={}).status_code == 422
    assert not Rating.select().exists()


def test_where_the_item_is_not_asked_the_mail_has_the_plain_link_alone(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = load_questionnaire(DEFAULT)
    monkeypatch.setattr(emails.asking, "questionnaire_of", lambda _wave: replace(asked, items=asked.items[:1]))
    mail = written("invitation")
    assert scale_of(mail) == []
    assert "All in all" not in html_of(mail) + text_of(mail)
    assert "/r/" in text_of(mail)


# --- Trust ---------------------------------------------------------------------------------------------------------


@asking
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_mail_says_who_asks_until_when_and_who_sent_it(name: str, language: str, to_read: Write) -> None:
    text = text_of(to_read(name, language))
    for told in ("Mirror Ltd", "espejo@localhost", "127.0.0.1:8000", "16", "18:00", "5 p", "/confidentiality"):
        assert told in text


@each_mail
def test_the_address_that_counts_stands_there_in_full(name: str, to_read: Write) -> None:
    mail = to_read(name)
    shown = Words(html_of(mail)).text
    aside = ("/confidentiality", "/summaries/", "/you-said/")  # links of the small print
    aside += ("#commitments", "/hr/gap")  # and of what may be done next
    assert all(link in shown for link in LINK.findall(text_of(mail)) if not any(part in link for part in aside))


def test_every_link_begins_with_the_address_that_was_set(company: Company, settings: Settings) -> None:
    address = "https://espejo.mirror.example/app"
    moved = Settings.from_environment({}, home=settings.home, secret_key=settings.secret_key, base_url=address)
    company.open_wave()
    html = html_of(Post(create_app(moved), moved).mail(outbox.INVITATION, company.charlie))
    links = Words(html).links
    assert len(links) == 7
    assert all(link.startswith(f"{address}/") for link in links)
    assert "All its links lead to espejo.mirror.example." in html


def test_a_mail_has_the_companys_colour_by_day_and_by_night(company: Company, settings: Settings) -> None:
    named = Settings.from_environment({}, home=settings.home, secret_key=settings.secret_key, colour="#5B1A8B")
    company.open_wave()
    html = html_of(Post(create_app(named), named).mail(outbox.INVITATION, company.charlie))
    found = look("#5b1a8b")
    button = re.search(r'<a class="button"[^>]* style="([^"]*)"', html)
    assert button
    assert "background: #5b1a8b" in button[1]
    assert "color: #ffffff" in button[1]
    by_night = html.split("prefers-color-scheme: dark")[1]
    assert f"background: {found.night_colour} !important; color: {found.night_text} !important" in by_night
    assert "#0f766e" not in html


# --- What came of earlier waves ------------------------------------------------------------------------------------


def promise(company: Company, wave: Wave, text: str) -> Commitment:
    draft = commitments.Draft("diligence", text, date(2026, 12, 1))
    return commitments.make(wave, company.departments["Finance"], draft, date(2026, 5, 1))


def test_a_mail_quotes_what_was_promised_and_cannot_be_changed_by_it(company: Company, post: Post) -> None:
    wave = company.released_wave()
    company.open_wave()
    for name in HOSTILE.values():
        if "://" in name:
            continue
        made = promise(company, wave, name)
        mail = post.mail(outbox.INVITATION, company.charlie)
        assert_sound(mail, made.text)
        assert "You said, and Finance has promised by Tuesday 1 December: " in text_of(mail)
        assert text_of(mail).count("http") == 3  # the questions, what was done, who can learn what
        made.delete_instance()


def test_a_mail_quotes_what_was_done_rather_than_what_is_promised(company: Company, post: Post) -> None:
    wave = company.released_wave()
    done = promise(company, wave, "Two days.")
    promise(company, wave, "One day.")
    commitments.finish(done, date(2026, 5, 20))
    company.open_wave()
    mail = post.mail(outbox.INVITATION, company.charlie)
    assert "You said, Finance did: “Two days.”" in text_of(mail)
    assert "One day." not in text_of(mail)


def test_from_the_second_wave_on_a_mail_leads_to_all_that_was_done(
    company: Company, post: Post, settings: Settings
) -> None:
    address = f"{settings.address}/you-said/{reader_token(company.charlie.id, settings)}"
    wave = company.open_wave()
    assert "/you-said/" not in text_of(post.mail(outbox.INVITATION, company.charlie))
    company.answer(wave)
    company.close_wave(wave)
    company.open_wave()
    mail = post.mail(outbox.INVITATION, company.charlie)
    assert address in Words(html_of(mail)).links
    assert f"See all that departments have done and promised:\n{address}\n" in text_of(mail)


def test_a_mail_quotes_nothing_when_there_is_nothing(company: Company, post: Post) -> None:
    wave = company.released_wave()
    commitments.drop(promise(company, wave, "Two days."), "No budget.", date(2026, 5, 20))
    company.open_wave()
    assert "You said" not in text_of(post.mail(outbox.INVITATION, company.charlie))


# --- As a reader sees it -------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 700])
@asking
def test_the_answers_are_large_enough_for_a_thumb(
    name: str, width: int, scheme: str, written: Write, chromium: Any
) -> None:
    html = html_of(written(name, language="es"))
    page = chromium.new_page(viewport={"width": width, "height": 700}, color_scheme=scheme)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.set_content(html)
    boxes = page.evaluate("[...document.querySelectorAll('.scale a')].map(a => a.getBoundingClientRect().toJSON())")
    assert len(boxes) == 5
    assert all(min(box["width"], box["height"]) >= 44 for box in boxes)
    assert len({box["top"] for box in boxes}) == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert fetched == []
    page.close()
