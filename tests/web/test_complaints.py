"""How soon complaints are answered, as HR and leads read it."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from flask.testing import FlaskClient

from survey import receipts
from survey.models import Comment, Department, Reply, Wave
from survey.settings import Settings
from tests.cast import Company
from tests.complaining import at, complained, reply
from tests.web.pages import rows, tables

NOW = "2026-03-27 12:00"  # the ninth working day after the release
PAGE = "/hr/complaints"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(at(NOW), tick=False):
        yield


@pytest.fixture
def wave(company: Company) -> Wave:
    """Four complaints about Finance, three with a reply, one of them too late; and one about IT that waits."""
    found = complained(company, Finance=4, IT=1, Logistics=0)
    reply(company, found, "Finance", "2026-03-17 09:00", "2026-03-18 09:00", "2026-03-26 09:00")
    return found


@pytest.fixture
def hanna(company: Company, wave: Wave, sign_in: Callable[..., FlaskClient]) -> FlaskClient:
    return sign_in(company.hanna)


def test_hr_sees_each_department_and_all_together(hanna: FlaskClient) -> None:
    assert rows(hanna, PAGE, 0) == {
        "Department": ["With a reply", "In time", "Half within", "Waiting"],
        "All": ["3 of 5", "40 %", "8 working days", "2 for 9 working days"],
        "Finance": ["3 of 4", "50 %", "2 working days", "1 for 9 working days"],
        "IT": ["0 of 1", "0 %", "more than half wait", "1 for 9 working days"],
    }
    page = hanna.get(PAGE).text
    assert "3 of the 5 complaints that can be answered have a reply." in page
    assert "A reply within 5 working days of the release is in time." in page


@pytest.mark.parametrize(("moment", "said"), [("2026-03-23 17:00", "0 %so far"), ("2026-03-24 00:00", "0 %")])
def test_what_can_still_be_in_time_says_so(company: Company, wave: Wave, sign_in, moment: str, said: str) -> None:
    with time_machine.travel(at(moment), tick=False):
        assert rows(sign_in(company.hanna), PAGE, 0)["IT"][1] == said


def test_the_limit_is_that_of_the_setting(hanna: FlaskClient, app, settings: Settings) -> None:
    app.config["ESPEJO"] = Settings.from_environment({}, home=settings.home, reply_within="8")
    assert rows(hanna, PAGE, 0)["Finance"][1] == "75 %"


def test_waves_stand_side_by_side_the_latest_first(hanna: FlaskClient, company: Company) -> None:
    complained(company, Logistics=2)
    found = rows(hanna, PAGE)
    assert len(found["Department"]) == 2
    assert (found["Finance"], found["Logistics"]) == (["\N{EN DASH}", "50 %2 of 4"], ["0 %0 of 2", "\N{EN DASH}"])


def test_a_wave_without_complaints_says_so(company: Company, sign_in: Callable[..., FlaskClient]) -> None:
    hanna = sign_in(company.hanna)
    assert "No wave has closed yet" in hanna.get(PAGE).text
    complained(company, Finance=0)
    page = hanna.get(PAGE).text
    assert "In this wave there is no complaint that can be answered." in page
    assert tables(page) == []
    assert "No complaint about it can be answered" in hanna.get("/hr/departments/finance").text
    assert hanna.get(f"{PAGE}.csv").text.count("\n") == 1


def test_a_department_that_is_no_more_is_named_without_a_link(hanna: FlaskClient) -> None:
    Department.update(active=False).where(Department.key == "it").execute()
    page = hanna.get(PAGE).text
    assert "IT" in rows(hanna, PAGE, 0)
    assert "/hr/departments/finance" in page
    assert "/hr/departments/it" not in page


def test_hr_sees_how_soon_a_department_replied_and_nothing_of_what_was_said(hanna: FlaskClient, wave: Wave) -> None:
    comment = Comment.get(Comment.id.in_(Reply.select(Reply.comment)))
    Reply.create(comment=comment, sequence=2, by_client=True, text="Thanks from me")
    for address in (PAGE, f"{PAGE}.csv", "/hr/departments/finance", "/hr/departments/finance/complaints.csv"):
        text = hanna.get(address).text
        assert "We are sorry" not in text
        assert "Thanks from me" not in text
        assert not [found.id for found in Comment.select() if found.id in text and address != "/hr/departments/finance"]


def test_the_files_hold_every_wave_and_department(hanna: FlaskClient, wave: Wave) -> None:
    header, *lines = [line.split(",") for line in hanna.get(f"{PAGE}.csv").text.splitlines()]
    assert header[3:] == [
        *("complaints", "answered", "in_time", "within_working_days", "in_time_percent"),
        *("half_within_working_days", "waiting", "waited_working_days"),
    ]
    day = str(wave.local_date)
    assert lines == [
        ["all", "1", day, "5", "3", "2", "5", "40", "8", "2", "9"],
        ["Finance", "1", day, "4", "3", "2", "5", "50", "2", "1", "9"],
        ["IT", "1", day, "1", "0", "0", "5", "0", "", "1", "9"],
    ]
    (_, finance) = hanna.get("/hr/departments/finance/complaints.csv").text.splitlines()
    assert finance.split(",") == lines[1]
    assert hanna.get(f"{PAGE}.xlsx").status_code == 200


def test_the_page_of_a_department_tells_its_own_waves(hanna: FlaskClient) -> None:
    page = hanna.get("/hr/departments/finance").text
    part = page.partition("How soon it answers complaints</h2>")[2].partition("<h2>")[0]
    assert (
        "3 of the 4 complaints that can be answered have a reply. At least half had it within 2 working days." in part
    )
    assert "One has waited for 9 working days." in part
    assert tables(part)[0][1][1:] == ["3 of 4", "50 %", "2 working days", "1 for 9 working days"]


def test_a_lead_reads_the_own_clock_and_no_other(company: Company, wave: Wave, sign_in) -> None:
    page = sign_in(company.bob).get("/lead/").text
    assert "The one complaint that can be answered has waited for 9 working days." in page
    assert "of the 4 complaints" not in page
    assert "of the 5 complaints" not in page


def test_a_reply_stops_the_clock(company: Company, wave: Wave, sign_in) -> None:
    bob = sign_in(company.bob)
    comment = Comment.get(Comment.provider == company.departments["IT"])
    assert bob.post(f"/lead/comments/{comment.id}", data={"text": "Sorry"}).status_code == 302
    assert "had a reply after 9 working days" in bob.get("/lead/").text
    assert receipts.first_replies([wave.id])


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}.csv", f"{PAGE}.xlsx", "/hr/departments/finance/complaints.csv"])
def test_charlie_and_leads_are_refused(company: Company, wave: Wave, sign_in, client, address: str) -> None:
    assert client.get(address).status_code == 302
    assert sign_in(company.alice).get(address).status_code == 403
