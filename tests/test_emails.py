"""Each mail, word for word as approved in tests/approved; and what must hold for all of them."""

import re
from datetime import date
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from survey import closing, create_app, outbox, waves
from survey.emails import compose_test
from survey.envelopes import POLICY
from survey.models import (
    Bounce,
    Comment,
    Commitment,
    Department,
    Leadership,
    Message,
    OwnViewTally,
    Person,
    Rated,
    Release,
    Tally,
    Wave,
)
from survey.pulses import add_pulse
from survey.responses import Answer
from survey.settings import Settings
from survey.summaries import lead_summary
from tests.approval import assert_approved
from tests.cast import DAY, OPENS, Company, K
from tests.mails import (
    FIGURE,
    HEADERS,
    HOSTILE,
    LINK,
    MAILS,
    PART,
    STOPPABLE,
    TOKEN,
    Post,
    Words,
    Write,
    _today,
    assert_sound,
    each_mail,
    hostile,
    html_of,
    one_line,
    pictures_of,
    post,
    read,
    scenes,
    text_of,
    to_read,
    written,
)
from tests.test_releases import customers_say

__all__ = ["_today", "post", "scenes", "to_read", "written"]  # fixtures

# --- Word for word -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["es", "en"])
@each_mail
def test_a_mail_reads_as_it_was_approved(name: str, language: str, to_read: Write) -> None:
    mail = to_read(name, language)
    head = "\n".join(f"{header}: {mail[header]}" for header in ("From", "To", "Subject", "Auto-Submitted"))
    assert_approved(f"{name}-{language}", TOKEN.sub("<token>", f"{head}\n\n{text_of(mail)}"))


def test_a_year_of_missed_waves_is_a_line_for_each_pulse(company: Company, post: Post) -> None:
    add_pulse("weekly", "weekly", date(2026, 3, 2), "Europe/Madrid")
    waves.open_due(OPENS + 368 * DAY, K)
    mail = post.mail(outbox.MISSED, company.hanna)
    assert mail["Subject"] == "Espejo: 58 waves were not opened"
    assert "- quarterly: 5 waves, from Monday 2 March to" in text_of(mail)
    assert "- weekly: 53 waves, from Monday 2 March to" in text_of(mail)
    assert "<li>weekly: 53 waves, from Monday 2 March to" in html_of(mail)


@each_mail
def test_html_and_text_say_the_same(name: str, to_read: Write) -> None:
    mail = to_read(name)
    seen, text = Words(html_of(mail)), text_of(mail)
    assert {link for link in seen.links if "?overall=" not in link} == set(LINK.findall(text))
    html, text = LINK.sub("", seen.text), LINK.sub("", text)
    assert sorted(set(FIGURE.findall(html))) == sorted(set(FIGURE.findall(text)))
    assert [part for part in PART.split(text) if part not in html] == []


@each_mail
def test_a_mail_fetches_nothing_from_anywhere(name: str, to_read: Write) -> None:
    html = html_of(to_read(name))
    seen = Words(html)
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(seen.tags)
    assert all(str(picture["src"]).startswith("cid:") for picture in seen.pictures)
    assert "url(" not in html
    assert "@import" not in html
    assert all(link.startswith("http://127.0.0.1:8000/") for link in seen.links)


@each_mail
def test_every_copy_of_a_mail_has_the_same_id_and_links(
    name: str, written: Write, company: Company, post: Post
) -> None:
    first = written(name)
    kind, _, reader = MAILS[name]
    second = post.mail(kind, getattr(company, reader))
    assert first["Message-ID"] == second["Message-ID"]
    assert re.fullmatch(r"<[0-9a-f]{32}@127\.0\.0\.1>", first["Message-ID"])
    assert text_of(first) == text_of(second)


def test_two_mails_have_different_ids(company: Company, post: Post) -> None:
    company.open_wave()
    mails = [post.mail(outbox.INVITATION, person) for person in (company.alice, company.bob)]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


def test_a_mail_is_written_in_the_language_of_its_reader(company: Company, post: Post) -> None:
    company.open_wave()
    spanish, english = (post.mail(outbox.INVITATION, person) for person in (company.alice, company.bob))
    assert '<html lang="es">' in html_of(spanish)
    assert '<html lang="en">' in html_of(english)


# --- The lead's summary --------------------------------------------------------------------------------------------


def test_the_picture_travels_with_the_mail_and_is_told_in_words(to_read: Write) -> None:
    mail = to_read("summary")
    (picture,) = pictures_of(mail)
    (shown,) = Words(html_of(mail)).pictures
    assert picture["Content-ID"] == f"<{str(shown['src']).removeprefix('cid:')}>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")
    assert int(str(shown["width"])) > 100
    assert str(shown["alt"]).startswith("How Finance serves its clients, 0 to 100: All in all ")


def test_a_lead_of_every_department_still_gets_a_small_mail(written: Write, company: Company) -> None:
    def promoted() -> None:
        for department in company.departments.values():
            Leadership.get_or_create(person=company.alice, department=department)

    mail = written("summary", promoted)
    assert text_of(mail).count("of 100 all in all") == 3
    assert len(pictures_of(mail)) == len(Words(html_of(mail)).pictures) == 1


def test_of_many_departments_three_are_told_whole_forty_in_a_line_and_the_others_counted(
    written: Write, company: Company
) -> None:
    def promoted() -> None:
        more = [Department.create(key=f"zone-{number:02}", name=f"Zone {number:02}") for number in range(50)]
        for department in [*company.departments.values(), *more]:
            Leadership.get_or_create(person=company.alice, department=department)
        for wave in Wave.select().where(Wave.state == "closed"):
            for department in more:
                _as_finance(wave, department, company)
            Release.update(digest=closing.digest(wave)).where(Release.wave == wave).execute()

    mail = written("summary", promoted)  # which asserts that it stays below 100 KB
    told = text_of(mail)
    assert told.count("of 100 all in all") == 3
    assert told.count("Three mirrors") == 3
    _, lines = told.split("Your other departments")
    assert len(re.findall(r"^- [\w ]+: \d+ \(up", lines, re.MULTILINE)) == 40
    assert "12 more are on your page." in lines


def _as_finance(wave: Wave, department: Department, company: Company) -> None:
    """Give a department what Finance has: answers, raters, and the views of its members."""
    for table, column in ((Tally, "provider"), (Rated, "provider"), (OwnViewTally, "department")):
        query = table.select().where(table.wave == wave, getattr(table, column) == company.departments["Finance"])
        table.insert_many({**row, column: department.id} for row in query.dicts()).execute()


def test_a_lead_reads_about_the_own_departments_alone(to_read: Write) -> None:
    mail = to_read("summary")
    all_of_it = f"{mail['Subject']} {text_of(mail)} {html_of(mail)}"
    assert re.search(r"\bFinance\b", all_of_it)
    assert not re.search(r"\b(IT|Sales|Logistics|Legal)\b", all_of_it)


def test_who_leads_nothing_gets_no_summary(company: Company, post: Post) -> None:
    company.released_wave()
    readers = {message.person_id for message in Message.select().where(Message.kind == outbox.SUMMARY)}
    assert readers == {company.alice.id, company.bob.id}


def test_a_department_below_the_threshold_gets_no_picture_and_no_figure(to_read: Write) -> None:
    mail = to_read("summary-below-threshold")
    assert pictures_of(mail) == []
    assert "of 100" not in text_of(mail)


def test_a_summary_of_several_departments_names_them_in_its_subject(company: Company, post: Post) -> None:
    Leadership.create(person=company.bob, department=company.departments["Sales"])
    company.released_wave()
    assert post.mail(outbox.SUMMARY, company.bob)["Subject"] == "What your clients say: IT, Sales"


def test_a_leads_own_view_is_in_no_other_leads_mail(written: Write, company: Company, post: Post) -> None:
    def joined() -> None:
        Leadership.create(person=company.bob, department=company.departments["Finance"])

    own = text_of(written("summary", joined))
    others = post.mail(outbox.SUMMARY, company.bob)
    assert "Your own view" in own
    for told in (text_of(others), html_of(others)):
        assert "Your own view" not in told
        assert "You expected" not in told
        assert "Your people expected" in told


def test_where_too_few_members_spoke_there_is_no_mirror(to_read: Write) -> None:
    told = text_of(to_read("summary-of-a-division"))
    assert "mirrors" not in told
    assert "expected" not in told


def test_the_second_step_leads_to_the_department_that_has_most_to_do(written: Write, company: Company) -> None:
    def promoted() -> None:
        for department in company.departments.values():
            Leadership.get_or_create(person=company.alice, department=department)

    (key,) = re.findall(r"#commitments-(\w+)", text_of(written("summary", promoted)))
    latest = Wave.select().where(Wave.state == "closed").order_by(Wave.id.desc()).get()
    found = lead_summary(latest, list(company.departments.values())).departments
    weakest = {one.department.key: one.weakest.figure.mean for one in found if one.weakest}
    assert weakest[key] == min(weakest.values())


# --- HR's summary --------------------------------------------------------------------------------------------------


def test_the_companys_picture_travels_with_the_mail_and_is_told_in_words(to_read: Write) -> None:
    mail = to_read("company")
    (picture,), (shown,) = pictures_of(mail), Words(html_of(mail)).pictures
    assert picture["Content-ID"] == "<practices>"
    assert picture.get_content().startswith(b"\x89PNG")
    assert str(shown["alt"]).startswith("The practices side by side, 0 to 100: Keeps promises, Inside 75, Outside 80; ")


def test_hr_reads_nothing_that_is_a_leads_alone(to_read: Write) -> None:
    told = text_of(to_read("company"))
    assert "mirrors" not in told
    assert "omplaint" not in told


def test_below_the_threshold_hr_gets_no_figure_and_no_picture(to_read: Write) -> None:
    mail = to_read("company-below-threshold")
    assert pictures_of(mail) == []
    assert "of 100" not in text_of(mail)
    assert "Inside" not in text_of(mail)


def test_figures_of_practices_alone_are_not_called_none(company: Company, post: Post) -> None:
    Person.update(language="en").execute()
    customers_say(company, "Finance", 75, date(2026, 2, 1), item="promises")
    company.released_wave(lambda provider: Answer(provider, {"promises": 4}))
    for mail, name in (
        (post.mail(outbox.SUMMARY, company.alice), "Finance"),
        (post.mail(outbox.COMPANY, company.hanna), "Mirror Ltd"),
    ):
        assert mail["Subject"] == f"{name}: a figure for 1 practice"
        for told in (text_of(mail), html_of(mail)):
            assert "Too few colleagues answered for a figure all in all; there is one for 1 practice." in told
            assert "Keeps promises" in told
    for told in (text_of(mail), html_of(mail)):
        assert "No department serves customers clearly better" in told
        assert "customers' scores" not in told


def test_where_everybody_was_reached_hr_reads_nothing_of_it(written: Write, company: Company) -> None:
    def mended() -> None:
        Bounce.delete().execute()
        for department in company.departments.values():
            Leadership.get_or_create(person=company.alice, department=department)

    told = text_of(written("company", mended))
    assert "/hr/people" not in told
    assert "What keeps this from being read" not in told


def test_of_many_names_five_are_told_and_the_others_counted(written: Write, company: Company) -> None:
    def refused() -> None:
        for person in Person.select().where(Person.department == company.departments["Logistics"]).limit(8):
            Bounce.create(person=person, email=person.email, reply="550 unknown")

    told = text_of(written("company", refused))
    assert re.search(r"No mail reaches Charlie Clark, (\w+@?[\w.]*, ){4}and 4 more: the addresses were refused", told)


@hostile
def test_a_departments_name_cannot_change_hrs_mail(name: str, written: Write) -> None:
    mail = written("company", Department.update(name=name).where(Department.key == "sales").execute)
    assert_sound(mail, name, HEADERS | STOPPABLE)


# --- Subjects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_a_long_subject_with_accents_arrives_as_it_was_written(before: int) -> None:
    subject = "x" * before + "Atención al Cliente: 68, sube 6; cumple lo prometido, le cuestan las críticas más y más"
    mail = EmailMessage(policy=POLICY)
    mail["Subject"] = subject
    raw = mail.as_bytes()
    assert max(map(len, raw.splitlines())) <= 78
    assert BytesParser(policy=policy.default).parsebytes(raw)["Subject"] == subject


# --- What leads owe ------------------------------------------------------------------------------------------------


def test_a_reminder_of_complaints_quotes_none(written: Write) -> None:
    mail = written("complaints")
    said = [comment.text for comment in Comment.select()]
    assert len(said) == 4
    assert not [text for text in said if text in text_of(mail) or text in html_of(mail)]


@pytest.mark.parametrize("name", ["complaints", "complaints-again", "promises"])
def test_what_reminds_a_lead_can_be_stopped_by_one_click(name: str, to_read: Write) -> None:
    mail = to_read(name)
    assert "<http://127.0.0.1:8000/summaries/" in mail["List-Unsubscribe"]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_what_tells_hr_cannot_be_stopped(to_read: Write) -> None:
    for name in ("overdue", "promises-without-lead"):
        assert "List-Unsubscribe" not in to_read(name)


# --- Names that bite -----------------------------------------------------------------------------------------------


def without_blanks(text: str) -> str:
    """Long headers are folded at any place; and an encoded word in a name is broken up by a blank."""
    return "".join(text.split())


@hostile
def test_a_persons_name_cannot_change_a_mail(name: str, written: Write, company: Company) -> None:
    mail = written("invitation", Person.update(name=name).where(Person.id == company.charlie.id).execute)
    assert_sound(mail, name)
    assert mail["To"].addresses[0].addr_spec == "charlie@mirror.example"


@hostile
def test_a_departments_name_cannot_change_a_mail(name: str, written: Write) -> None:
    mail = written("summary", Department.update(name=name).where(Department.key == "finance").execute)
    assert_sound(mail, name, HEADERS | STOPPABLE)
    assert without_blanks(name) in without_blanks(mail["Subject"])


@hostile
def test_a_promises_words_cannot_change_a_mail(name: str, written: Write) -> None:
    reworded = Commitment.update(text=name).execute
    assert_sound(written("promises", reworded), name, HEADERS | STOPPABLE)
    assert_sound(written("overdue", reworded), name)


@hostile
def test_a_department_that_is_complained_of_cannot_change_a_mail(name: str, written: Write) -> None:
    mail = written("complaints", Department.update(name=name).where(Department.key == "finance").execute)
    assert_sound(mail, name, HEADERS | STOPPABLE)


@hostile
def test_the_companys_name_cannot_change_a_mail(name: str, company: Company, settings: Settings) -> None:
    named = Settings.from_environment({}, home=settings.home, secret_key=settings.secret_key, company=name)
    company.open_wave()
    mail = Post(create_app(named), named).mail(outbox.INVITATION, company.charlie)
    assert len(mail["From"].addresses) == 1
    assert mail["From"].addresses[0].addr_spec == "espejo@localhost"
    assert one_line(name) in Words(html_of(mail)).text
    assert "Bcc" not in mail


def test_a_line_break_in_a_test_mail_is_no_header(settings: Settings) -> None:
    named = Settings.from_environment({}, home=settings.home, company=HOSTILE["line breaks"])
    mail = read(compose_test(create_app(named), named, "root@mirror.example", OPENS))
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Date", "Auto-Submitted", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    )
