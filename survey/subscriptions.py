"""Who is mailed a summary when a wave has closed: leads of their departments, heads of their division, HR of all.

How often is each reader's own choice; whoever wants none is not reminded of complaints and promises either. Nobody who
stops the mails loses the page that they lead to.
"""

from collections.abc import Iterable

from peewee import JOIN, fn

from survey.models import Department, Leadership, Message, Person, Subscription, database
from survey.outbox import COMPANY, SUMMARY
from survey.people import departments_below, hr_people, used
from survey.settings import languages, offered_languages

EACH, MONTHLY, NEVER = FREQUENCIES = ("each", "monthly", "never")
MONTH_SECONDS = 28 * 24 * 3600


def readers(leaves_at: int) -> list[int]:
    """Everybody to whom a summary of departments is due that leaves at this moment, by id.

    These lead an active department that somebody uses, or a division of such departments.
    """
    rated = used()
    active = {department for (department,) in Department.select(Department.id).where(Department.active).tuples()}
    below = departments_below(active)
    told_of = [key for key in active if key in rated or any(part.id in rated for part in below.get(key, ()))]
    query = Leadership.select(Leadership.person).where(Leadership.department.in_(told_of))
    return _who_want_it(SUMMARY, (person for (person,) in query.tuples()), leaves_at)


def company_readers(leaves_at: int) -> list[int]:
    """Everybody of HR to whom a summary of the company is due that leaves at this moment, by id."""
    return _who_want_it(COMPANY, hr_people(), leaves_at)


def who_take_mail(people: Iterable[int]) -> list[int]:
    """Those of `people`, by id, who are active and have not stopped their mails."""
    query = (
        Person.select(Person.id)
        .join(Subscription, JOIN.LEFT_OUTER, on=(Subscription.person == Person.id))
        .where(Person.id.in_(set(people)), Person.active, fn.COALESCE(Subscription.frequency, EACH) != NEVER)
    )
    return [person for (person,) in query.order_by(Person.id).tuples()]


def frequency_of(person_id: int) -> str:
    """How often a person is mailed summaries."""
    return Subscription.select(Subscription.frequency).where(Subscription.person == person_id).scalar() or EACH


def choose(person_id: int, frequency: str, language: str) -> None:
    """Set how often a person is mailed summaries, and the language of all their mails.

    Raises ValueError for a frequency or a language that is not offered.
    """
    if frequency not in FREQUENCIES:
        raise ValueError(f"Summaries are mailed {', '.join(FREQUENCIES)}; found {frequency!r}.")
    if language not in languages():
        raise ValueError(f"The languages offered are {offered_languages()}; found {language!r}.")
    with database.atomic():
        Person.update(language=language).where(Person.id == person_id).execute()
        chosen = Subscription.insert(person=person_id, frequency=frequency)
        chosen.on_conflict(conflict_target=[Subscription.person], update={"frequency": frequency}).execute()


def _who_want_it(kind: str, people: Iterable[int], leaves_at: int) -> list[int]:
    """Those of `people` who are active and want a summary of this kind at this moment."""
    lately = Message.select(Message.person).where(
        Message.kind == kind,
        Message.due_at > leaves_at - MONTH_SECONDS,
        Message.due_at <= leaves_at,
        Message.state != "dropped",
    )
    chosen = fn.COALESCE(Subscription.frequency, EACH)
    wanted = (chosen == EACH) | ((chosen == MONTHLY) & Person.id.not_in(lately))
    query = (
        Person.select(Person.id)
        .join(Subscription, JOIN.LEFT_OUTER, on=(Subscription.person == Person.id))
        .where(Person.id.in_(set(people)), Person.active, wanted)
    )
    return [person for (person,) in query.order_by(Person.id).tuples()]
