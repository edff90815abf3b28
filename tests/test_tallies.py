"""What is remembered of releases: each is read once, and nothing of a wave that is still open is kept."""

import pytest

from survey import tallies
from survey.measure.scale import ITEMS
from survey.models import Release, Tally
from survey.tallies import Memory
from tests.cast import Company


@pytest.fixture(autouse=True)
def nothing_remembered():
    tallies._sums.forget()
    tallies._atoms.forget()


@pytest.fixture
def wave(company: Company):
    return company.released_wave()


@pytest.fixture
def queries(caplog):
    """How many queries a deed makes."""
    caplog.set_level("DEBUG", logger="peewee")

    def count(deed) -> int:
        caplog.clear()
        deed()
        return sum(record.name == "peewee" for record in caplog.records)

    return count


def test_sums_are_the_atoms_added_up(wave):
    added: dict[tuple[int, int, str], list[int]] = {}
    for atom in tallies.atoms([wave]):
        place = (atom.wave, atom.provider, atom.item)
        added[place] = [sum(pair) for pair in zip(added.get(place, [0] * 5), atom.counts, strict=True)]
    assert {place: tuple(counts) for place, counts in added.items()} == tallies.sums([wave]) != {}


def test_what_is_known_is_asked_no_more_but_whether_it_is_the_same(wave, queries):
    assert queries(lambda: tallies.sums([wave])) == 2
    assert queries(lambda: tallies.sums([wave])) == queries(lambda: tallies.sums([wave], ["overall"])) == 1
    assert queries(lambda: tallies.atoms([wave])) == 3
    assert queries(lambda: tallies.atoms([wave], ["overall"])) == 1


def test_only_what_is_missing_is_read(company, wave):
    found = tallies.sums([wave], ["overall"])
    second = company.released_wave()
    both = tallies.sums([wave, second])
    assert {place: both[place] for place in found} == found
    assert {wave for wave, *_ in both} == {wave.id, second.id}
    assert {item for *_, item in both} == set(ITEMS)


def test_another_release_is_read_anew(wave):
    before = tallies.sums([wave])
    Tally.update(n5=Tally.n5 + 1).execute()
    assert tallies.sums([wave]) == before  # a release does not change, whoever changes its rows
    Release.update(digest="another").execute()
    assert tallies.sums([wave]) != before


def test_nothing_is_remembered_of_a_wave_without_a_release(wave):
    Release.delete().execute()
    before = tallies.sums([wave])
    Tally.update(n5=Tally.n5 + 1).execute()
    assert tallies.sums([wave]) != before


def test_a_full_memory_forgets():
    memory = Memory[str](most=2)
    for number in range(3):
        assert memory.keep(f"value {number}", "digest", number) == f"value {number}"
    assert [memory.get("digest", number) for number in range(3)] == [None, None, "value 2"]
