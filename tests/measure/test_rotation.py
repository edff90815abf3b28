"""Who is asked about whom, wave after wave."""

from collections import Counter
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.measure.rotation import providers_to_ask

settings.register_profile("measure", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("measure")

weights = st.dictionaries(st.integers(1, 12), st.just(0.0) | st.floats(0.05, 1), max_size=12)
mosts = st.integers(1, 5)
seats = st.integers(0, 60)
waves = st.integers(0, 60)


def waves_until_asked(weights, provider, most):
    """Any run of so many waves asks about the provider: its length of the line is at least w·most/Σw, and the golden
    ratio's first N multiples leave no hole longer than 1.92/N.
    """
    return ceil(1.92 / min(1, weights[provider] * most / sum(weights.values()))) + 1


def asked(weights, most, seat, waves):
    return Counter(provider for wave in waves for provider in providers_to_ask(weights, most, seat, wave))


def test_four_equal_providers_by_hand():
    alike = {"a": 1, "b": 1, "c": 1, "d": 1}  # each 0.5 long
    assert providers_to_ask(alike, 2, seat=6, wave=0) == ["a", "c"]  # 7·0.618 = 4.326: points 0.326 and 1.326
    assert providers_to_ask(alike, 2, seat=0, wave=0) == ["b", "d"]  # points 0.618 and 1.618
    assert providers_to_ask(alike, 2, seat=0, wave=1) == ["a", "c"]  # 0.618 + 0.382 = 1: points 0 and 1
    assert providers_to_ask(alike, 2, seat=0, wave=2) == ["a", "c"]  # 0.618 + 0.764 = 1.382: points 0.382 and 1.382


def test_with_no_more_providers_than_places_all_are_asked_about():
    assert providers_to_ask({"a": 0.1, "b": 0.9, "c": 0.5}, 3, seat=0, wave=0) == ["b", "c", "a"]


def test_with_one_provider_too_many_one_is_left_for_another_wave():
    assert len(providers_to_ask({"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.5}, 3, seat=0, wave=0)) == 3


def test_a_provider_of_weight_0_is_never_asked_about():
    assert providers_to_ask({"a": 0, "b": 1}, 2, seat=0, wave=0) == ["b"]


@pytest.mark.parametrize(("weights", "most"), [({}, 3), ({"a": 0}, 3), ({"a": 1}, 0)])
def test_nobody_to_ask_about_makes_an_empty_list(weights, most):
    assert providers_to_ask(weights, most, seat=0, wave=0) == []


def test_the_heaviest_comes_first_and_of_equals_the_lower_key():
    assert providers_to_ask({"c": 0.5, "b": 0.5, "a": 0.2, "d": 1}, 4, seat=3, wave=2) == ["d", "b", "c", "a"]


@given(weights, mosts, seats, waves)
@example({1: 0.1, 2: 0.1, 3: 0.1, 4: 0.7, 5: 0.7, 6: 0.7}, 3, 0, 1)
def test_each_is_asked_about_as_many_different_providers_as_there_are_places(weights, most, seat, wave):
    found = providers_to_ask(weights, most, seat, wave)
    usable = [provider for provider, weight in weights.items() if weight > 0]
    assert len(found) == len(set(found)) == min(most, len(usable))
    assert set(found) <= set(usable)


@given(st.integers(0, 5000), mosts)
def test_nobody_is_missed_where_seat_and_wave_bring_the_first_point_back_to_0(seat, most):
    assert len(providers_to_ask(dict.fromkeys("abcdefg", 1), most, seat, wave=seat + 1)) == most


@given(weights, mosts, seats, waves)
def test_the_heaviest_comes_first(weights, most, seat, wave):
    found = [weights[provider] for provider in providers_to_ask(weights, most, seat, wave)]
    assert found == sorted(found, reverse=True)


@given(weights, mosts, seats, waves, st.randoms(use_true_random=False))
def test_the_order_in_which_links_are_read_changes_nothing(weights, most, seat, wave, random):
    shuffled = list(weights.items())
    random.shuffle(shuffled)
    assert providers_to_ask(dict(shuffled), most, seat, wave) == providers_to_ask(weights, most, seat, wave)


@settings(max_examples=25)
@given(weights, mosts, seats, waves)
def test_every_provider_gets_its_turn_with_every_person(weights, most, seat, first):
    for provider in (provider for provider, weight in weights.items() if weight > 0):
        run = range(first, first + waves_until_asked(weights, provider, most))
        assert provider in asked(weights, most, seat, run)


@settings(max_examples=25)
@given(weights, mosts, waves)
def test_the_people_of_a_department_cover_all_its_providers_in_one_wave(weights, most, wave):
    for provider in (provider for provider, weight in weights.items() if weight > 0):
        people = waves_until_asked(weights, provider, most)
        assert any(provider in providers_to_ask(weights, most, seat, wave) for seat in range(people))


def test_a_heavier_provider_is_asked_about_more_often_in_proportion():
    counted = asked({"a": 1, "b": 0.5, "c": 0.25, "d": 0.25}, 2, seat=0, waves=range(100))  # a surely, then 2:1:1
    assert counted["a"] == 100
    assert counted["b"] == pytest.approx(50, abs=2)
    assert counted["c"] == pytest.approx(25, abs=2)
    assert counted["d"] == pytest.approx(25, abs=2)


@settings(max_examples=25)
@given(weights, mosts, seats)
def test_a_lighter_provider_is_never_asked_about_more_often_but_for_a_few_turns(weights, most, seat):
    counted = asked(weights, most, seat, range(100))
    by_weight = sorted((provider for provider, weight in weights.items() if weight > 0), key=weights.get)
    for lighter, heavier in pairwise(by_weight):
        assert counted[lighter] <= counted[heavier] + 4


def test_one_person_is_asked_about_others_in_the_next_wave():
    alike = dict.fromkeys("abcdefghi", 1)
    for wave in range(50):
        assert providers_to_ask(alike, 3, 0, wave) != providers_to_ask(alike, 3, 0, wave + 1)


def test_two_neighbours_are_asked_about_different_providers():
    alike = dict.fromkeys("abcdefghi", 1)
    for seat in range(50):
        assert not set(providers_to_ask(alike, 3, seat, 0)) & set(providers_to_ask(alike, 3, seat + 1, 0))
