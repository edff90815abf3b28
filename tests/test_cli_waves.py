"""The command line: pulses, waves, the clock by hand, and results."""

import csv
import io
import json

import pytest
import time_machine

from survey import deliveries, leases
from survey.models import Invitation, Message, Person, Pulse, Wave
from tests.cast import DAY, OPENS, Company
from tests.commands import Espejo, _today, add_pulse, espejo, fours_and_twos, write
from tests.servers import MailServer, free_port

__all__ = ["_today", "espejo", "write"]  # fixtures


# --- Pulses and waves ----------------------------------------------------------------------------------------------


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
    assert any(line.endswith("nobody asked yet") for line in listed)
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
