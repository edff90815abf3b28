"""The lease of the clock: one holder at a time, and another one soon after it has gone."""

from survey.leases import LEASE_SECONDS, hold, is_held, note_tick, resign, standing
from survey.models import Lease
from survey.scheduler import BY_THE_HOLDER, read_jobs
from survey.settings import Settings

NOW = 1_772_438_400
END = NOW + LEASE_SECONDS


def test_before_any_clock_has_run_nobody_holds_it(settings: Settings) -> None:
    assert not is_held(standing(), NOW)
    assert (standing().holder, standing().ticked_at, Lease.select().count()) == ("", 0, 0)


def test_the_first_who_comes_holds_it_and_the_second_does_not(settings: Settings) -> None:
    assert [hold("a", NOW), hold("b", NOW), hold("a", NOW)] == [True, False, True]
    assert (standing().holder, standing().until, standing().ticked_at) == ("a", END, NOW)


def test_it_is_held_until_its_last_second(settings: Settings) -> None:
    hold("a", NOW)
    assert [hold("b", END - 1), hold("b", END)] == [False, True]


def test_renewing_makes_it_last(settings: Settings) -> None:
    hold("a", NOW)
    hold("a", NOW + 15)
    assert [hold("b", END), hold("b", END + 15)] == [False, True]


def test_who_has_lost_it_does_not_get_it_back_by_renewing(settings: Settings) -> None:
    hold("a", NOW)
    hold("b", END)
    assert not hold("a", END + 1)


def test_who_gives_it_back_leaves_it_to_the_next_at_once(settings: Settings) -> None:
    hold("a", NOW)
    resign("a")
    assert hold("b", NOW + 1)


def test_who_does_not_hold_it_cannot_give_it_back(settings: Settings) -> None:
    hold("a", NOW)
    resign("b")
    assert standing().holder == "a"


def test_a_clock_that_was_set_back_keeps_nobody_from_it(settings: Settings) -> None:
    hold("a", NOW + 7200)
    assert not is_held(standing(), NOW)
    assert hold("b", NOW)


def test_of_two_who_saw_it_free_one_gets_it(settings: Settings, monkeypatch) -> None:
    hold("gone", NOW - 3600)
    free = standing()
    monkeypatch.setattr("survey.leases.standing", lambda: free)
    assert [hold("a", NOW), hold("b", NOW)] == [True, False]


def test_a_tick_by_hand_is_noted_and_takes_nothing_from_the_holder(settings: Settings) -> None:
    note_tick(NOW)
    assert standing().ticked_at == NOW
    assert hold("a", NOW)
    note_tick(NOW + 5)
    assert (standing().holder, standing().until, standing().ticked_at) == ("a", END, NOW + 5)


def test_another_process_takes_over_within_a_minute_of_the_last_renewal() -> None:
    assert LEASE_SECONDS + read_jobs()[BY_THE_HOLDER[0]]["every_seconds"] < 60


def test_the_holder_may_miss_one_turn() -> None:
    assert 2 * read_jobs()[BY_THE_HOLDER[0]]["every_seconds"] < LEASE_SECONDS
