"""The command line: what each command does, and the plain message for each mistake."""

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from survey import asking, cli, leases, pulses
from survey.database import MIGRATIONS
from survey.models import Message, Person, ServiceLink, Tally, Wave
from survey.settings import Settings
from tests.cast import DAY, OPENS, SIZES, Company
from tests.commands import Espejo, Write, _today, add_pulse, espejo, write
from tests.servers import MailServer, free_port

__all__ = ["_today", "espejo", "write"]  # fixtures

DATA = Path(__file__).parent / "data"
NOWHERE = "smtp://127.0.0.1:9"


# --- Settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("language", "fr", 'ESPEJO_LANGUAGE: "fr" is not offered; write es or en.'),
        ("timezone", "Mars", 'ESPEJO_TIMEZONE: "Mars" is no time zone; write a name like Europe/Madrid.'),
        ("min_group", "2", 'ESPEJO_MIN_GROUP: "2" is no whole number from 3 to 1000.'),
        ("min_group", "1001", 'ESPEJO_MIN_GROUP: "1001" is no whole number from 3 to 1000.'),
        ("trusted_proxies", "one", 'ESPEJO_TRUSTED_PROXIES: "one" is no count'),
        ("retention_days", "-1", 'ESPEJO_RETENTION_DAYS: "-1" is no count'),
        ("rest_days", "3651", 'ESPEJO_REST_DAYS: "3651" is no count; write 0, 1, 2 … 3,650.'),
        ("base_url", "espejo.example", 'ESPEJO_BASE_URL: "espejo.example" is no address'),
        ("base_url", "https://", 'ESPEJO_BASE_URL: "https://" is no address'),
        ("smtp_url", "mail.example", "ESPEJO_SMTP_URL: write smtp://"),
        ("smtp_url", "smtp://mail.example:x", "ESPEJO_SMTP_URL: write smtp://"),
        ("mail_from", "espejo", 'ESPEJO_MAIL_FROM: "espejo" is no plain e-mail address.'),
        ("mail_from", "Espejo <e@mirror.example>", "is no plain e-mail address."),
        ("mail_from", "a b@mirror.example", "is no plain e-mail address."),
        ("database_url", "mysql://localhost/espejo", "ESPEJO_DATABASE_URL: write postgresql://"),
        ("database_url", "postgresql://localhost:x/espejo", "ESPEJO_DATABASE_URL: write postgresql://"),
        pytest.param(
            *("home", "/dev/null/home", "ESPEJO_HOME: /dev/null/home cannot be a folder (Not a directory)."),
            marks=pytest.mark.sqlite,
        ),
        ("language_file", "/nowhere", "ESPEJO_LANGUAGE_FILE: /nowhere cannot be read (No such file or directory)."),
        ("secret_key_file", "/nowhere", "ESPEJO_SECRET_KEY and ESPEJO_SECRET_KEY_FILE are both set; keep one of them."),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str, says: str, espejo: Espejo) -> None:
    assert says in espejo("wave", "list", code=1, **{name: value})


def test_a_message_about_the_mail_server_never_shows_its_password(espejo: Espejo) -> None:
    assert "s3cret" not in espejo("wave", "list", code=1, smtp_url="smtps://me:s3cret@mail.example:x")


def test_a_database_that_cannot_be_reached_is_a_plain_message(espejo: Espejo) -> None:
    said = espejo("wave", "list", code=1, database_url="postgresql://127.0.0.1:9/espejo")
    assert said.startswith("Error: The database cannot be used: ")


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_a_plain_message(espejo: Espejo, settings: Settings) -> None:
    (settings.home_folder / "espejo.sqlite3").write_text("This is a letter. " * 100)
    assert espejo("wave", "list", code=1).startswith("Error: The database cannot be used: ")


# --- The database --------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_status_is_1_until_upgrade_has_run(espejo: Espejo, tmp_path: Path) -> None:
    home = str(tmp_path / "new")
    names = [path.stem for path in sorted(MIGRATIONS.glob("[0-9]*.py"))]
    assert espejo("db", "status", code=1, home=home) == "".join(f"PENDING  {name}\n" for name in names)
    assert espejo("db", "upgrade", home=home) == "".join(f"applied: {name}\n" for name in names)
    assert espejo("db", "status", home=home) == "".join(f"applied  {name}\n" for name in names)
    assert espejo("db", "upgrade", home=home) == "Up to date.\n"


@pytest.mark.sqlite
def test_a_backup_holds_what_the_database_holds(espejo: Espejo, company: Company, tmp_path: Path) -> None:
    assert espejo("backup", "copy.sqlite3").startswith("copy.sqlite3: ")
    copied = sqlite3.connect(tmp_path / "copy.sqlite3").execute("SELECT COUNT(*) FROM person").fetchone()
    assert copied == (Person.select().count(),)


@pytest.mark.sqlite
def test_a_backup_overwrites_nothing(espejo: Espejo, write: Write) -> None:
    present = write("my thesis")
    assert "exists already; name a new file." in espejo("backup", present, code=1)
    assert present.read_text() == "my thesis"


@pytest.mark.sqlite
def test_a_backup_into_a_folder_that_is_not_there_is_a_plain_message(espejo: Espejo) -> None:
    assert "/nowhere/copy cannot be written" in espejo("backup", "/nowhere/copy", code=1)


@pytest.mark.sqlite
def test_a_backup_is_restored_into_an_empty_home(espejo: Espejo, company: Company, tmp_path: Path) -> None:
    espejo("backup", "copy.sqlite3")
    home = str(tmp_path / "new")
    table, *rows, end = espejo("restore", "copy.sqlite3", home=home).splitlines()
    assert table.split() == ["table", "rows", "backup", "here"]
    people = next(row.split() for row in rows if row.startswith("person "))
    assert people[1] == "61"
    assert people[2] == people[3]
    assert end == "All tables are equal. Mail is paused: stop the old Espejo, then espejo mail resume."
    assert "quarterly" in espejo("wave", "list", home=home)
    assert "Error: This database is not empty" in espejo("restore", "copy.sqlite3", code=1, home=home)


@pytest.mark.sqlite
def test_a_backup_says_which_key_its_links_need(espejo: Espejo, settings: Settings) -> None:
    assert "secret-key" not in espejo("backup", "copy.sqlite3")
    said = espejo("backup", "other.sqlite3", secret_key="")
    assert f"Keep {settings.home_folder / 'secret-key'} too, elsewhere" in said
    other = {"secret_key": "", "home": "elsewhere"}
    assert "was made with another secret key" in espejo("restore", "other.sqlite3", code=1, **other)
    assert "All tables are equal" in espejo("restore", "other.sqlite3", "--with-other-key", **other)


# --- Doctor --------------------------------------------------------------------------------------------------------


def test_the_doctor_names_all_that_is_missing(espejo: Espejo) -> None:
    said = espejo("doctor", code=1)
    for trouble in ("ESPEJO_SMTP_URL is not set", "this machine only", "https://", "no departments", "no pulse"):
        assert trouble in said


def test_the_doctor_is_content_with_a_company_that_has_everything(espejo: Espejo, company: Company) -> None:
    healthy = {"smtp_url": "smtp://mail.example", "base_url": "https://espejo.example"}
    assert "Sales has no lead." in espejo("doctor", code=1, **healthy)
    rows = "".join(f"{name}@x.example,{name},{name},{name}\n" for name in ("Sales", "Logistics", "Legal"))
    Path("leads.csv").write_text(f"email,name,department,leads\n{rows}")
    espejo("import", "people", "leads.csv")
    assert espejo("doctor", **healthy) == "All is well.\n"


def test_the_doctor_names_a_pulse_of_which_nothing_will_ever_be_shown(espejo: Espejo, company: Company) -> None:
    legal = [company.departments["Legal"]]
    pulses.add_pulse("small", "quarterly", Wave.get().local_date, "Europe/Madrid", departments=legal)
    said = espejo("doctor", code=1)
    assert f"small asks {SIZES['Legal']} people; of fewer than 5 nothing is ever shown." in said
    assert "quarterly asks" not in said


def test_the_doctor_sees_mail_that_is_paused_or_dead(espejo: Espejo, company: Company) -> None:
    company.open_wave()
    Message.update(state="dead").where(Message.person == company.bob).execute()
    espejo("mail", "pause")
    said = espejo("doctor", code=1)
    assert "Mail is paused, so none is sent; espejo mail resume." in said
    assert "Mails refused for good: 1; see the page Mail." in said


def test_the_doctor_names_a_wave_that_should_have_opened_or_closed(espejo: Espejo, company: Company) -> None:
    with time_machine.travel(OPENS + 1800, tick=False):
        said = espejo("doctor", code=1)
    assert "Wave 1 (quarterly) should have opened at 2026-03-02 09:00+0100; does a scheduler run?" in said
    espejo("wave", "open", "quarterly")
    with time_machine.travel(OPENS + 20 * DAY, tick=False):
        said = espejo("doctor", code=1)
    assert "Wave 1 (quarterly) should have closed at 2026-03-16 18:00+0100; does a scheduler run?" in said


def test_the_doctor_says_who_runs_the_clock(espejo: Espejo, company: Company) -> None:
    assert "the clock" not in espejo("doctor", code=1)
    leases.hold("web1:42:abcd", OPENS - 10)
    last = "it ticked last at 2026-03-02 07:59+0000."
    assert f"The clock is run by web1:42:abcd; {last}" in espejo("doctor", code=1)
    leases.resign("web1:42:abcd")
    assert f"Nothing runs the clock now; {last}" in espejo("doctor", code=1)


def test_the_doctor_warns_of_a_pulse_that_asks_more_often_than_people_rest(espejo: Espejo, company: Company) -> None:
    espejo("pulse", "add", "often", "--cadence", "weekly", "--first", "2026-04-01")
    said = "often is weekly, but ESPEJO_REST_DAYS is 14: some waves will ask nobody."
    assert said in espejo("doctor", code=1)
    assert said not in espejo("doctor", code=1, rest_days="7")
    assert "quarterly is" not in espejo("doctor", code=1)


def test_the_doctor_names_a_questionnaire_that_was_altered_and_the_plan_does_too(
    espejo: Espejo, company: Company
) -> None:
    wave = company.released_wave()
    Wave.update(questionnaire=wave.questionnaire.replace("siempre", "a veces")).execute()
    said = 'the scale of "promises" ends in "siempre"; when the wave of 2026-03-02 used it, it was "a veces".'
    assert said in espejo("doctor", code=1)
    assert said in espejo("pulse", "plan", "quarterly")


def test_the_doctor_and_the_plan_warn_of_a_pulse_that_takes_too_many_taps(
    espejo: Espejo, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "answering takes 28 taps, and beyond 24 people leave; switch a practice off."
    assert said not in espejo("doctor", code=1) + add_pulse(espejo)
    monkeypatch.setattr(asking, "PROVIDERS_PER_PERSON", 4)
    assert f"quarterly: {said}" in espejo("doctor", code=1)
    assert said in add_pulse(espejo, "other")


def test_the_doctor_sees_that_a_release_was_changed(espejo: Espejo, company: Company) -> None:
    wave = company.released_wave()
    Tally.update(n5=Tally.n5 + 1).execute()
    assert f"The release of wave {wave.id} is not what was released" in espejo("doctor", code=1)


# --- Bringing in ---------------------------------------------------------------------------------------------------

PEOPLE = """email,name,department,language,leads,role
alice@mirror.example,Alice,Finance,en,Finance,
hanna@mirror.example,Hanna,Sales,,,hr
"""
LINKS = "client,provider,weight\nFinance,Sales,1\nSales,Finance,0.5\n"


def test_people_links_and_scores_come_in_from_files(espejo: Espejo, write: Write) -> None:
    assert "people added: 2" in espejo("import", "people", write(PEOPLE))
    assert "links added: 2" in espejo("import", "links", write(LINKS))
    said = espejo("import", "external", write("touchpoint,item,date,score\nShop,overall,2026-01-10,4\n"))
    assert "1 answers" in said
    assert Person.select().count() == 2


def test_a_dry_run_says_the_same_and_changes_nothing(espejo: Espejo, write: Write) -> None:
    note = "This was a dry run: nothing has changed.\n"
    rehearsed = espejo("import", "people", write(PEOPLE), "--dry-run")
    assert Person.select().count() == 0
    assert rehearsed == espejo("import", "people", write(PEOPLE)) + note
    rehearsed = espejo("import", "links", write(LINKS), "--dry-run")
    assert ServiceLink.select().count() == 0
    assert rehearsed == espejo("import", "links", write(LINKS)) + note


def test_a_mapping_reads_a_foreign_file(espejo: Espejo) -> None:
    said = espejo("import", "external", DATA / "sfo-2017-wide.csv", "--mapping", "sfo-2017-wide", "--dry-run")
    assert "answers" in said
    assert said.endswith("This was a dry run: nothing has changed.\n")


def test_complete_turns_out_whoever_is_not_in_the_file(espejo: Espejo, company: Company) -> None:
    Path("people.csv").write_text("email,name,department\nalice@mirror.example,Alice,Finance\n")
    espejo("import", "people", "people.csv")
    assert Person.get_by_id(company.charlie.id).active
    assert "people made inactive: 58" in espejo("import", "people", "people.csv", "--complete")
    assert not Person.get_by_id(company.charlie.id).active


def test_complete_removes_links_that_are_not_in_the_file(espejo: Espejo, company: Company) -> None:
    Path("links.csv").write_text("client,provider,weight\nFinance,IT,0.5\n")
    assert "links removed: 19" in espejo("import", "links", "links.csv", "--complete")


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("people", "", "file.csv: is empty."),
        ("people", "email,name\n", 'file.csv, line 1, column "department": is missing'),
        (
            "people",
            "email,name,department,language\na@b.es,A,IT,fr\n",
            'line 2, column "language": "fr" is not offered',
        ),
        ("people", "email,name,department\nana,A,IT\n", 'line 2, column "email": "ana" is no e-mail address.'),
        ("people", "email,name,department\na..b@c.es,A,IT\n", '"a..b@c.es" is no e-mail address.'),
        ("people", "email,name,department\njosé@c.es,A,IT\n", '"josé@c.es" is no e-mail address.'),
        ("links", "client,provider,weight\nIT,Mars,1\n", '"Mars" is no department'),
        ("links", "client,provider,weight\nIT,IT,1\n", "a department cannot be its own provider."),
        ("external", "touchpoint,item,date,score\nShop,overall,2026-01-10,9\n", "line 2"),
        ("external", "a,b\n1,2\n", "file.csv"),
    ],
)
def test_a_fault_in_a_file_is_named(
    kind: str, text: str, says: str, espejo: Espejo, company: Company, write: Write
) -> None:
    assert says in espejo("import", kind, write(text), code=1)
    assert Person.select().count() == 61


@pytest.mark.parametrize("kind", ["people", "links", "external"])
def test_a_file_that_is_missing_or_a_folder_is_a_plain_message(kind: str, espejo: Espejo, tmp_path: Path) -> None:
    assert "none.csv: cannot be read (No such file or directory)." in espejo("import", kind, "none.csv", code=1)
    assert "cannot be read (Is a directory)." in espejo("import", kind, tmp_path, code=1)


def test_a_mapping_that_is_missing_is_answered_with_those_there_are(espejo: Espejo, write: Write) -> None:
    said = espejo("import", "external", write("a\n1\n"), "--mapping", "nope", code=1)
    assert "sfo-2016-wide, sfo-2017-long, sfo-2017-wide" in said


# --- Access and mail -----------------------------------------------------------------------------------------------


def test_the_first_administrator_is_granted_and_signs_in_by_a_link(espejo: Espejo, app: Flask) -> None:
    assert espejo("grant", "admin", "Root@Mirror.example") == "root@mirror.example now has the role admin.\n"
    link, note = espejo("login-link", "root@mirror.example").splitlines()
    assert note == "It works once, for 15 minutes."
    browser = app.test_client()
    path = link.removeprefix("http://127.0.0.1:8000")
    assert browser.get(path).status_code == 200
    assert browser.post(path).status_code == 302
    assert browser.get("/hr/").status_code == 200
    assert app.test_client().post(path).status_code == 410


def test_granting_twice_changes_the_role(espejo: Espejo, company: Company) -> None:
    espejo("grant", "hr", "charlie@mirror.example")
    assert Person.get_by_id(company.charlie.id).role == "hr"


def test_who_has_no_role_gets_no_link(espejo: Espejo, company: Company) -> None:
    for email in ("charlie@mirror.example", "nobody@mirror.example"):
        assert f"{email} may not sign in: no lead and no role" in espejo("login-link", email, code=1)


def test_a_role_for_what_is_no_address_is_refused(espejo: Espejo) -> None:
    assert '"root" is no e-mail address.' in espejo("grant", "admin", "root", code=1)
    espejo("grant", "king", "root@mirror.example", code=2)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer(free_port()) as server:
        yield server


def test_a_test_mail_arrives(espejo: Espejo, mail_server: MailServer) -> None:
    said = espejo("send-test-mail", "root@mirror.example", smtp_url=mail_server.url, language="en")
    assert said == "Sent to root@mirror.example.\n"
    assert mail_server.take()["root@mirror.example"]["Subject"] == "Espejo can send mail"


def test_why_a_test_mail_was_not_sent_is_told(espejo: Espejo) -> None:
    assert "ESPEJO_SMTP_URL is not set." in espejo("send-test-mail", "root@mirror.example", code=1)
    said = espejo("send-test-mail", "root@mirror.example", code=1, smtp_url=NOWHERE)
    assert said.startswith("Error: It was not sent: 127.0.0.1: ")
    assert '"root" is no e-mail address.' in espejo("send-test-mail", "root", code=1, smtp_url=NOWHERE)


def test_mail_that_cannot_be_sent_now_is_tried_again(espejo: Espejo, company: Company) -> None:
    assert "mails retry: " in espejo("tick", "--at", "2026-03-02T09:00", smtp_url=NOWHERE)
    assert Message.select().where(Message.state == "sent").count() == 0


# --- Running -------------------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_several_workers_need_postgresql(espejo: Espejo) -> None:
    assert "SQLite is written by one process; use --workers 1, or PostgreSQL." in espejo(
        "serve", "--workers", "2", code=1
    )


@pytest.mark.parametrize("wrong", [("--port", "0"), ("--port", "99999"), ("--port", "http"), ("--workers", "0")])
def test_a_port_or_a_number_of_workers_that_cannot_be_is_a_wrong_use(wrong: tuple[str, str], espejo: Espejo) -> None:
    espejo("serve", *wrong, code=2)


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_taken_is_a_plain_message(command: str, espejo: Espejo) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be used (Address already in use" in espejo(command, "--port", port, code=1)


def test_every_command_tells_what_it_does(espejo: Espejo) -> None:
    def commands(group, *above: str) -> Iterator[tuple[str, ...]]:
        for name, command in group.commands.items():
            yield (*above, name)
            yield from commands(command, *above, name) if hasattr(command, "commands") else ()

    for words in commands(cli.main):
        assert len(espejo(*words, "--help").splitlines()) > 3, words
