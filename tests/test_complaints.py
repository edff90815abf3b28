"""The clock of complaints: which of them it counts, from when to when, and what it says of those that wait."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey import receipts
from survey.complaints import Clock, clocks, clocks_until
from survey.models import Comment, Department, Pulse, Receipt, Reply, Wave
from survey.pulses import store_blackout
from survey.receipts import Held
from tests.cast import Company
from tests.complaining import at, complained, reply

LATER = at("2026-03-27 12:00")  # the ninth working day


def clock(company: Company, wave: Wave, name: str = "Finance", now: int = LATER) -> Clock | None:
    return clocks([wave], now).get((wave.id, company.departments[name].id))


# Which complaints


def test_only_complaints_that_can_be_answered_count(company: Company) -> None:
    wave = complained(company, Finance=2)
    Receipt.delete().where(Receipt.comment == Comment.select(Comment.id).limit(1)).execute()
    assert clock(company, wave) == Clock((), 1, 9)


def test_without_receipts_or_complaints_there_is_no_clock(company: Company) -> None:
    wave = complained(company, with_receipt=False, Finance=2, IT=0)
    assert clocks([wave], LATER) == {}
    assert clocks([], LATER) == {}


def test_suggestions_and_thanks_are_not_counted(company: Company) -> None:
    wave = complained(company, Finance=2)
    Comment.update(kind="suggestion").execute()
    assert clocks([wave], LATER) == {}


def test_complaints_about_a_department_with_nine_raters_have_no_clock(company: Company) -> None:
    assert clocks([complained(company, raters=9, Finance=2)], LATER) == {}


def test_a_wave_that_is_open_has_no_clock(company: Company) -> None:
    wave = complained(company, Finance=2)
    Wave.update(state="open").execute()
    assert receipts.first_replies([wave.id]) == []


def test_each_department_has_its_own(company: Company) -> None:
    wave = complained(company, Finance=2, IT=1)
    reply(company, wave, "IT", "2026-03-17 10:00")
    assert (clock(company, wave), clock(company, wave, "IT")) == (Clock((), 2, 9), Clock((1,), 0, 9))


# From when to when


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        ("2026-03-16 18:30", 0),  # the evening of the release
        ("2026-03-17 00:00", 1),
        ("2026-03-20 23:59", 4),  # Friday
        ("2026-03-21 12:00", 4),  # a weekend adds nothing
        ("2026-03-22 23:59", 4),
        ("2026-03-23 00:00", 5),
        ("2026-03-29 23:59", 9),  # the night in which the clocks went forth
        ("2026-03-30 00:00", 10),
    ],
)
def test_working_days_are_counted_from_the_day_of_the_release(company: Company, moment: str, days: int) -> None:
    wave = complained(company, Finance=1)
    reply(company, wave, "Finance", moment)
    assert clock(company, wave) == Clock((days,), 0, 9)
    assert clocks([wave], at(moment)).popitem()[1].waited == days


def test_the_pulses_holidays_and_days_off_do_not_count(company: Company) -> None:
    wave = complained(company, Finance=1)
    Pulse.update(holidays="ES-MD").execute()  # Maundy Thursday and Good Friday are 2 and 3 April
    assert clocks([wave], at("2026-04-06 09:00")).popitem()[1].waited == 13
    store_blackout(company.pulse, *(wave.local_date.replace(day=day) for day in (17, 18)))
    assert clocks([wave], at("2026-04-06 09:00")).popitem()[1].waited == 11


def test_the_days_are_those_of_the_pulses_zone(company: Company) -> None:
    Pulse.update(timezone="America/Bogota").execute()
    wave = complained(company, Finance=1)  # 12:00 in Bogotá
    reply(company, wave, "Finance", "2026-03-18 05:59")  # 23:59 of the 17th there
    assert clock(company, wave) == Clock((1,), 0, 8 + 1)


def test_of_several_replies_the_first_counts_and_what_the_writer_adds_does_not(company: Company) -> None:
    wave = complained(company, Finance=1)
    (found,) = [receipts.published(Comment.get().id, [company.departments["Finance"].id])]
    assert found
    Reply.create(comment=found.comment.id, sequence=1, by_client=True, text="Hello?")
    assert clock(company, wave) == Clock((), 1, 9)
    for moment in ("2026-03-19 09:00", "2026-03-25 09:00"):
        receipts.reply(found, f"At {moment}", at(moment))
    assert clock(company, wave) == Clock((3,), 0, 9)


def test_what_a_writer_adds_is_never_timed(company: Company) -> None:
    wave = complained(company, Finance=2)
    reply(company, wave, "Finance", "2026-03-17 09:00")
    before = clocks([wave], LATER)
    for comment in Comment.select():
        thread = receipts.threads([receipts.PublicComment(comment.id, "complaint", "")])[comment.id]
        held = Held(receipts.State.PASSED_ON, wave, 10, "Finance", "complaint", "", comment.id, thread)
        receipts.write_back(held, "Thank you")
    assert clocks([wave], LATER) == before
    assert {found.replied_on for found in Reply.select().where(Reply.by_client)} == {None}


def test_what_is_remembered_holds_until_somebody_writes(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = complained(company, Finance=2)
    assert clock(company, wave) == Clock((), 2, 9)
    ask, asked = receipts.first_replies, []
    monkeypatch.setattr(receipts, "first_replies", lambda waves: asked.append(list(waves)) or ask(waves))
    assert clock(company, wave) == Clock((), 2, 9)
    assert asked == []
    reply(company, wave, "Finance", "2026-03-17 09:00")
    assert clock(company, wave) == Clock((1,), 1, 9)
    assert asked == [[wave.id]]


def test_replies_of_a_day_are_added_up(company: Company) -> None:
    wave = complained(company, Finance=4)
    reply(company, wave, "Finance", "2026-03-17 09:00", "2026-03-17 10:00", "2026-03-18 10:00")
    assert sorted(found.complaints for found in receipts.first_replies([wave.id])) == [1, 1, 2]
    assert clock(company, wave) == Clock((1, 1, 2), 1, 9)


# What it says


@pytest.mark.parametrize(
    ("days", "waiting", "half"),
    [
        ((3,), 0, 3),
        ((1, 4), 0, 1),
        ((1, 2, 9), 0, 2),
        ((1, 2, 9), 2, 9),
        ((1, 2), 2, 2),
        ((1, 2), 3, None),  # more than half wait
        ((), 4, None),
        ((0, 0), 1, 0),
    ],
)
def test_what_waits_counts_as_longer_than_what_was_answered(
    days: tuple[int, ...], waiting: int, half: int | None
) -> None:
    assert Clock(days, waiting, 99).half == half


def test_in_time_includes_the_last_day_and_is_a_share_of_all() -> None:
    found = Clock((0, 5, 6), 1, 7)
    assert (found.total, found.answered, found.in_time(5), found.percent_in_time(5)) == (4, 3, 2, 50)


def test_what_waits_is_still_in_time_on_the_last_day() -> None:
    assert [Clock((), 1, waited).is_open(5) for waited in (5, 6)] == [True, False]
    assert not Clock((1,), 0, 0).is_open(5)


@given(st.lists(st.integers(0, 30), max_size=12), st.integers(0, 12), st.integers(0, 30))
def test_half_is_the_first_day_by_which_half_were_answered(days: list[int], waiting: int, within: int) -> None:
    found = Clock(tuple(sorted(days)), waiting, 99)
    if found.total:
        assert (found.half is not None and found.half <= within) == (2 * found.in_time(within) >= found.total)


# Wave by wave


def test_waves_stand_side_by_side_the_latest_first_and_the_company_is_their_sum(company: Company) -> None:
    first = complained(company, Finance=2, IT=1)
    reply(company, first, "Finance", "2026-03-17 09:00", "2026-03-19 09:00")
    second = complained(company, IT=2)
    released = [second, first]
    found = clocks_until(second, released, second.closed_at or 0, 12)
    assert found.waves == (second, first)
    assert [department.name for department, _ in found.departments] == ["Finance", "IT"]
    assert found.company[0] == Clock((), 2, 0)
    assert found.company[1] is not None
    assert (found.company[1].days, found.company[1].waiting) == ((1, 3), 1)
    finance, it = (company.departments[name].id for name in ("Finance", "IT"))
    assert [wave for wave, _ in found.of(finance)] == [first]
    assert found.now_of(finance) is None
    assert found.now_of(it) == Clock((), 2, 0)
    assert all(earlier.opens_at > later.opens_at for earlier, later in pairwise(found.waves))
    assert clocks_until(first, released, LATER, 12).waves == (first,)
    assert clocks_until(second, released, LATER, 1).waves == (second,)
    assert [department.id for department, _ in clocks_until(second, released, LATER, 12, [it]).departments] == [it]


def test_a_department_that_is_no_more_keeps_its_past(company: Company) -> None:
    wave = complained(company, Finance=1)
    Department.update(active=False).where(Department.key == "finance").execute()
    ((department, _),) = clocks_until(wave, [wave], LATER, 12).departments
    assert department.name == "Finance"
