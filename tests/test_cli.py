"""The command line: what each command does, and the plain message for each mistake."""

import csv
import io
import json
import os
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner
from flask import Flask

from survey import asking, cli, deliveries, leases
from survey.database import MIGRATIONS
from survey.measure.scale import ITEMS
from survey.models import Invitation, Message, Person, Pulse, ServiceLink, Tally, Wave
from survey.responses import Answer
from survey.settings import Settings
from tests.cast import DAY, OPENS, Company
from tests.servers import MailServer, free_port

DATA = Path(__file__).parent / "data"
NOWHERE = "smtp://127.0.0.1:9"

Espejo = Callable[..., str]
Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(OPENS, tick=False):
        yield


@pytest.fixture
def espejo(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Espejo:
    """Runs the command in a folder of its own; returns all it says. Settings are given as keywords.

    Whatever the command ends with, it never shows a traceback.
    """
    for name in os.environ:
        if name.startswith("ESPEJO_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    standing = {"home": settings.home, "secret_key": settings.secret_key, "database_url": settings.database_url}

    def run(*words: object, code: int = 0, **given: str) -> str:
        environment = {f"ESPEJO_{name.upper()}": value for name, value in {**standing, **given}.items()}
        done = CliRunner().invoke(cli.main, [str(word) for word in words], env=environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        assert done.exit_code == code, done.output
        return done.output

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a CSV file."""

    def writing(text: str) -> Path:
        path = tmp_path / "file.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return writing


def fours_and_twos(provider: int) -> Answer:
    return Answer(provider, {item: 2 + 2 * (place % 2) for place, item in enumerate(ITEMS)})


# --- Settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("language", "fr", 'ESPEJO_LANGUAGE: "fr" is not offered; write es or en.'),
        ("timezone", "Mars", 'ESPEJO_TIMEZONE: "Mars" is no time zone; write a name like Europe/Madrid.'),
        ("min_group", "2", 'ESPEJO_MIN_GROUP: "2" is no whole number of at least 3.'),
        ("trusted_proxies", "one", 'ESPEJO_TRUSTED_PROXIES: "one" is no count'),
        ("retention_days", "-1", 'ESPEJO_RETENTION_DAYS: "-1" is no count'),
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


# --- Pulses and waves ----------------------------------------------------------------------------------------------


def add_pulse(espejo: Espejo, key: str = "clima", code: int = 0, **options: str) -> str:
    given = {"cadence": "monthly", "first": "2026-03-09", **options}
    return espejo("pulse", "add", key, *(f"--{name}={value}" for name, value in given.items()), code=code)


def test_a_pulse_is_added_and_its_first_wave_told(espejo: Espejo, company: Company) -> None:
    assert add_pulse(espejo) == (
        "clima (monthly, Europe/Madrid)\n"
        "  1. opens 2026-03-09 09:00+0100   reminders 2026-03-13 09:00+0100, 2026-03-17 09:00+0100"
        "   closes 2026-03-20 18:00+0100   summary 2026-03-20 18:00+0100\n"
    )
    assert "clima  monthly  from 2026-03-09  Europe/Madrid  active\n" in espejo("pulse", "list")


def test_a_practice_is_switched_off_and_on_by_hand(espejo: Espejo, company: Company) -> None:
    said = espejo("pulse", "questionnaire", "quarterly", "--off", "openness", "--off", "promises")
    assert "  off  openness: Acepta bien las críticas\n" in said
    assert "Most people need 15 taps.\n" in said
    assert "off  promises" in espejo("pulse", "questionnaire", "quarterly")
    assert "off" not in espejo("pulse", "questionnaire", "quarterly", "--on", "openness", "--on", "promises")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("quarterly", "--off", "overall"), '"overall" is always asked'),
        (("quarterly", "--on", "speed"), 'This questionnaire has no "speed"'),
        (("other",), 'There is no pulse "other"'),
    ],
)
def test_what_cannot_be_switched_is_a_plain_message(
    words: tuple[str, ...], said: str, espejo: Espejo, company: Company
) -> None:
    assert said in espejo("pulse", "questionnaire", *words, code=1)


def test_a_pulse_chooses_its_questionnaire(espejo: Espejo, company: Company) -> None:
    add_pulse(espejo, questionnaire="five-practices")
    assert "There is no questionnaire" in add_pulse(espejo, "other", code=1, questionnaire="long")


def test_the_plan_shows_the_coming_waves_in_local_time(espejo: Espejo) -> None:
    add_pulse(espejo)
    lines = espejo("pulse", "plan", "--waves", "3").splitlines()
    assert [line[:35] for line in lines[1:]] == [
        "  1. opens 2026-03-09 09:00+0100   ",
        "  2. opens 2026-04-09 09:00+0200   ",
        "  3. opens 2026-05-09 09:00+0200   ",
    ]


def test_a_pulse_may_have_its_own_time_zone_and_departments(espejo: Espejo, company: Company) -> None:
    assert "09:00+0000" in add_pulse(espejo, timezone="Atlantic/Canary", department="sales")
    espejo("tick", "--at", "2026-03-09T09:00+00:00")
    asked = Person.select().join(Invitation).join(Wave).join(Pulse).where(Pulse.key == "clima")
    assert {person.department_id for person in asked} == {company.departments["Sales"].id}


@pytest.mark.parametrize(
    ("key", "options", "says"),
    [
        ("Clima 2026", {}, '"Clima 2026" cannot be a key; write small letters, digits and hyphens, like "clima-2026".'),
        ("quarterly", {}, 'There is a pulse "quarterly" already; choose another key.'),
        (
            "clima",
            {"cadence": "yearly"},
            'There is no cadence "yearly"; choose from first-tuesday, fortnightly',
        ),
        ("clima", {"timezone": "Mars"}, '"Mars" is no time zone; write a name like Europe/Madrid.'),
        ("clima", {"department": "Mars"}, '"Mars" is no department.'),
    ],
)
def test_a_pulse_that_cannot_be_is_refused(
    key: str, options: dict[str, str], says: str, espejo: Espejo, company: Company
) -> None:
    assert says in add_pulse(espejo, key, code=1, **options)
    assert Pulse.select().count() == 1


def test_a_date_that_is_none_is_a_wrong_use_of_the_command(espejo: Espejo) -> None:
    assert "'2026-13-01' does not match" in add_pulse(espejo, first="2026-13-01", code=2)


def test_a_tick_opens_reminds_and_closes_at_the_moments_planned(espejo: Espejo, company: Company) -> None:
    queued = "Mail stays queued: ESPEJO_SMTP_URL is not set.\n"
    assert espejo("tick", "--at", "2026-03-02T08:59+01:00") == "Nothing was due.\n"
    assert espejo("tick", "--at", "2026-03-02T09:00+01:00") == f"waves opened: 1\n{queued}"
    assert espejo("tick", "--at", "2026-03-02T09:00+01:00") == f"Nothing was due.\n{queued}"
    assert espejo("tick", "--at", "2026-03-06T09:00+01:00") == f"waves reminded: 1\n{queued}"
    assert espejo("tick", "--at", "2026-03-16T18:00+01:00") == f"waves closed: 1\n{queued}"


@pytest.mark.parametrize(
    "moment", ["2026-03-02T09:00", "2026-03-02T08:00+00:00", "2026-03-02T08:00Z", "2026-03-02 09:00"]
)
def test_a_moment_without_an_offset_is_local(moment: str, espejo: Espejo, company: Company) -> None:
    assert espejo("tick", "--at", moment).startswith("waves opened: 1")


def test_a_moment_is_local_to_the_settings_time_zone(espejo: Espejo, company: Company) -> None:
    assert espejo("tick", "--at", "2026-03-02T08:59", timezone="Atlantic/Canary").startswith("waves opened: 1")
    assert Wave.get(Wave.state == "open").opened_at == OPENS + 59 * 60


def test_mail_is_paused_and_resumed(espejo: Espejo, company: Company) -> None:
    company.open_wave()
    assert espejo("mail", "pause") == "Mail is paused: it stays queued until espejo mail resume.\n"
    with MailServer(free_port()) as server:
        assert "Mail is paused, so none leaves: espejo mail resume." in espejo("tick", smtp_url=server.url)
        assert espejo("mail", "status").splitlines() == [
            "Paused since 2026-03-02 09:00+0100: espejo mail resume.",
            "0 of 59 mails settled",
            "  quarterly 2026-03-02 invitation: 0 of 59 mails settled",
        ]
        assert espejo("mail", "resume") == "Mail leaves again.\n"
        assert "mails sent: 59" in espejo("tick", smtp_url=server.url)
        assert len(server.mails) == 59
    assert espejo("mail", "status").splitlines()[0] == "59 of 59 mails settled"


def test_a_tick_keeps_to_the_rate(espejo: Espejo, company: Company) -> None:
    company.open_wave()
    with MailServer(free_port()) as server:
        limited = {"smtp_url": server.url, "mail_per_minute": "20"}
        assert espejo("tick", **limited) == "mails sent: 20\n"
        assert espejo("tick", "--at", "2026-03-02T09:00:40+01:00", **limited) == "Nothing was due.\n"
        assert espejo("tick", "--at", "2026-03-02T09:02+01:00", **limited) == "mails sent: 20\n"
    assert "about 1 min left" in espejo("mail", "status", mail_per_minute="20")


def test_a_tick_tells_how_far_a_long_delivery_is(
    espejo: Espejo, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "EVERY_SECONDS", 999)  # however slow the machine is
    company.open_wave()
    monkeypatch.setattr(deliveries, "EVERY_MAILS", 40)
    with MailServer(free_port()) as server:
        said = espejo("tick", smtp_url=server.url)
    assert said == "40 of 59 mails settled, about 1 min left\nmails sent: 59\n"


def test_a_tick_without_a_moment_is_now(espejo: Espejo, company: Company) -> None:
    assert espejo("tick").startswith("waves opened: 1")


@pytest.mark.parametrize("moment", ["tomorrow", "2026-02-30T09:00", ""])
def test_what_is_no_moment_is_a_wrong_use_of_the_command(moment: str, espejo: Espejo, company: Company) -> None:
    said = espejo("tick", "--at", moment, code=2)
    assert f'"{moment}" is no moment; write one like 2026-03-02T09:00+01:00.' in said
    assert Wave.get().state == "planned"


def test_a_wave_is_opened_listed_and_closed_by_hand(espejo: Espejo, company: Company) -> None:
    with time_machine.travel(OPENS - 3 * DAY, tick=False):
        assert espejo("wave", "open", "quarterly") == "Wave 1 is open until 2026-03-13 18:00+0100.\n"
        listed = espejo("wave", "list").splitlines()
    assert "1  quarterly  2026-02-27  open  closes 2026-03-13 18:00+0100  0 of 59 answered" in listed
    assert espejo("wave", "close", "1") == "Wave 1 is closed.\n"
    assert Message.select().where(Message.kind == "summary").count() == 2


def test_a_wave_that_cannot_be_opened_or_closed_is_a_plain_message(espejo: Espejo, company: Company) -> None:
    assert 'There is no pulse "nope".' in espejo("wave", "open", "nope", code=1)
    assert "Wave 7 is not open; espejo wave list shows all." in espejo("wave", "close", "7", code=1)
    espejo("wave", "open", "quarterly")
    assert '"quarterly" has a wave open already; close it first.' in espejo("wave", "open", "quarterly", code=1)
    espejo("wave", "close", "1")
    assert "Wave 1 is not open" in espejo("wave", "close", "1", code=1)
    assert '"quarterly" had a wave today' in espejo("wave", "open", "quarterly", code=1)


def test_a_wave_that_was_asked_to_open_too_soon_is_a_plain_message(espejo: Espejo, company: Company) -> None:
    espejo("wave", "open", "quarterly")
    espejo("wave", "close", "1")
    with time_machine.travel(OPENS + 13 * DAY, tick=False):
        said = espejo("wave", "open", "quarterly", code=1)
        assert "nearly everybody is asked by other waves these days" in said
        assert "Wave 2 is open" in espejo("wave", "open", "quarterly", rest_days="13")


def test_the_list_says_how_many_were_left_out_and_why_a_wave_was_cancelled(espejo: Espejo, company: Company) -> None:
    espejo("pulse", "add", "sales", "--cadence", "monthly", "--first", "2026-03-02", "--department", "Sales")
    espejo("wave", "cancel", "1")
    espejo("wave", "open", "sales")
    with time_machine.travel(OPENS + 5 * DAY, tick=False):
        espejo("wave", "open", "quarterly")
        listed = espejo("wave", "list")
    assert "  cancelled (by hand)  " in listed
    assert "0 of 39 answered, 20 left out: asked by other waves" in listed


def test_cancelling_a_planned_wave_needs_no_yes(espejo: Espejo, company: Company) -> None:
    assert espejo("wave", "cancel", "1") == "Wave 1 is cancelled.\n"
    assert "Wave 1 is neither planned nor open" in espejo("wave", "cancel", "1", code=1)
    assert "Wave 7 is neither planned nor open" in espejo("wave", "cancel", "7", code=1)


def test_cancelling_an_open_wave_says_what_is_lost_and_asks(espejo: Espejo, company: Company) -> None:
    company.answer(company.open_wave(), share=0.5)
    said = espejo("wave", "cancel", "1", code=1)
    assert "Wave 1 is open: 30 of 59 have answered. Their answers are deleted, nothing is published" in said
    assert Wave.get_by_id(1).state == "open"
    assert espejo("wave", "cancel", "1", "--yes") == "Wave 1 is cancelled.\n"
    assert Wave.get_by_id(1).state == "cancelled"


def test_a_tick_by_hand_is_noted_unless_it_is_for_another_moment(espejo: Espejo, company: Company) -> None:
    espejo("tick", "--at", "2026-03-01T09:00")
    assert leases.standing().ticked_at == 0
    espejo("tick")
    assert leases.standing().ticked_at == OPENS


@pytest.mark.parametrize("number", ["one", "0", "-1", "99999999999999999999"])
def test_what_is_no_number_of_a_wave_is_a_wrong_use_of_the_command(number: str, espejo: Espejo) -> None:
    espejo("wave", "close", "--", number, code=2)
    espejo("wave", "cancel", "--", number, code=2)
    espejo("results", "--wave", number, code=2)


# --- Results -------------------------------------------------------------------------------------------------------


def test_results_are_the_same_figures_as_json_and_as_csv(espejo: Espejo, company: Company) -> None:
    company.released_wave(fours_and_twos)
    rows = json.loads(espejo("results"))
    assert rows == json.loads(espejo("results", "--format", "json", "--wave", "1"))
    finance = next(
        row for row in rows if (row["provider"], row["clients"], row["item"]) == ("Finance", "all", "overall")
    )
    assert (finance["mean"], finance["people_from"], finance["state"]) == (75, 20, "not enough answers")
    written = list(csv.DictReader(io.StringIO(espejo("results", "--format", "csv"))))
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows] == written


def test_without_a_release_there_are_no_results(espejo: Espejo, company: Company) -> None:
    company.answer(company.open_wave())
    assert "No wave has been released yet." in espejo("results", code=1)
    assert "No such wave has been released." in espejo("results", "--wave", "1", code=1)


def test_a_format_that_is_not_offered_is_a_wrong_use_of_the_command(espejo: Espejo) -> None:
    espejo("results", "--format", "pdf", code=2)


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
