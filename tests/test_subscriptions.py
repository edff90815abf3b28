"""Who is mailed a summary, and how often."""

import pytest

from survey import subscriptions
from survey.models import Department, Leadership, Message, Person, ServiceLink, Wave
from survey.outbox import COMPANY, SUMMARY
from survey.subscriptions import MONTH_SECONDS, choose, company_readers, readers
from tests.cast import DAY, OPENS, Company


def names(leaves_at: int = OPENS) -> set[str]:
    return {Person.get_by_id(person).name.split()[0] for person in readers(leaves_at)}


def mailed(person: Person, due_at: int, wave: Wave | None = None, state: str = "sent") -> None:
    Message.create(kind=SUMMARY, wave=wave, person=person, due_at=due_at, state=state)


def put_under(company: Company, parts: tuple[str, ...], division: Department) -> None:
    keys = [company.departments[name].key for name in parts]
    Department.update(parent=division).where(Department.key.in_(keys)).execute()


def test_leads_of_departments_that_somebody_uses_are_mailed(company: Company) -> None:
    assert names() == {"Alice", "Bob"}
    to = {name: ServiceLink.provider == company.departments[name] for name in ("IT", "Finance")}
    ServiceLink.delete().where(to["IT"]).execute()
    assert names() == {"Alice"}
    ServiceLink.update(weight=0).where(to["Finance"]).execute()
    assert names() == set()


def test_who_left_or_leads_what_was_dissolved_is_not(company: Company) -> None:
    Person.update(active=False).where(Person.id == company.alice.id).execute()
    Department.update(active=False).where(Department.key == "it").execute()
    assert names() == set()


@pytest.mark.parametrize("depth", [1, 2])
def test_the_head_of_a_division_is_mailed_at_whatever_depth(company: Company, depth: int) -> None:
    top = division = Department.create(key="services", name="Services")
    if depth == 2:
        division = Department.create(key="desk", name="Desk", parent=top)
    put_under(company, ("IT",), division)
    Leadership.create(person=company.charlie, department=top)
    assert names() == {"Alice", "Bob", "Charlie"}


def test_the_head_of_an_empty_division_is_not(company: Company) -> None:
    Leadership.create(person=company.charlie, department=Department.create(key="empty", name="Empty"))
    assert names() == {"Alice", "Bob"}


def test_who_wants_no_mail_gets_none_and_still_leads(company: Company) -> None:
    choose(company.alice.id, subscriptions.NEVER, "es")
    assert names() == {"Bob"}


@pytest.mark.parametrize(("ago", "state", "due"), [
    (MONTH_SECONDS, "sent", True),
    (MONTH_SECONDS - 1, "sent", False),
    (MONTH_SECONDS - 1, "pending", False),
    (MONTH_SECONDS - 1, "dropped", True),
])  # fmt: skip
def test_once_in_four_weeks_counts_from_the_last_that_was_to_leave(
    company: Company, ago: int, state: str, due: bool
) -> None:
    choose(company.alice.id, subscriptions.MONTHLY, "es")
    mailed(company.alice, OPENS - ago, state=state)
    mailed(company.bob, OPENS - DAY)
    assert names() == ({"Alice", "Bob"} if due else {"Bob"})


def test_mail_of_another_kind_does_not_count(company: Company) -> None:
    choose(company.alice.id, subscriptions.MONTHLY, "es")
    Message.create(kind="sign-in", person=company.alice, due_at=OPENS - DAY, state="sent")
    assert "Alice" in names()


@pytest.mark.parametrize(("frequency", "language"), [("weekly", "es"), ("each", "xx"), ("", "es")])
def test_what_is_not_offered_is_refused(company: Company, frequency: str, language: str) -> None:
    with pytest.raises(ValueError, match="found"):
        choose(company.alice.id, frequency, language)


def test_only_who_has_stopped_the_mails_or_left_is_not_reminded(company: Company) -> None:
    people = [company.alice.id, company.bob.id, company.charlie.id]
    choose(company.alice.id, subscriptions.MONTHLY, "es")
    choose(company.bob.id, subscriptions.NEVER, "en")
    assert subscriptions.who_take_mail(people) == [company.alice.id, company.charlie.id]
    Person.update(active=False).where(Person.id == company.alice.id).execute()
    assert subscriptions.who_take_mail(people) == [company.charlie.id]
    assert subscriptions.who_take_mail([]) == []


# --- HR's of the company -------------------------------------------------------------------------------------------


def hr_names(leaves_at: int = OPENS) -> set[str]:
    return {Person.get_by_id(person).name.split()[0] for person in company_readers(leaves_at)}


def test_hr_and_administrators_are_mailed_the_company(company: Company) -> None:
    assert hr_names() == {"Hanna", "Adam"}
    Person.update(active=False).where(Person.id == company.adam.id).execute()
    assert hr_names() == {"Hanna"}


@pytest.mark.parametrize(("frequency", "due"), [("never", False), ("monthly", False), ("each", True)])
def test_hr_chooses_how_often_as_leads_do(company: Company, frequency: str, due: bool) -> None:
    choose(company.hanna.id, frequency, "en")
    Message.create(kind=COMPANY, person=company.hanna, due_at=OPENS - DAY, state="sent")
    assert ("Hanna" in hr_names()) == due


def test_a_summary_of_the_own_department_does_not_keep_the_companys_back(company: Company) -> None:
    choose(company.hanna.id, subscriptions.MONTHLY, "en")
    mailed(company.hanna, OPENS - DAY)
    assert "Hanna" in hr_names()
