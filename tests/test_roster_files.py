"""Files of people between their upload and their import."""

import io

import pytest

from survey import roster_files
from survey.models import Person, RosterFile
from survey.sheets import ImportRefused
from tests.cast import OPENS

FILE = b"email,name,department\nnew@x.example,New,Finance\n"


def keep(person: Person, content: bytes = FILE, now: int = OPENS) -> RosterFile:
    return roster_files.keep(person, io.BytesIO(content), "people.csv", False, "es", now)


def test_a_later_file_of_the_same_person_takes_the_place_of_the_earlier_one(company) -> None:
    first, other = keep(company.hanna), keep(company.adam)
    second = keep(company.hanna)
    assert {kept.id for kept in RosterFile.select()} == {second.id, other.id} != {first.id}


def test_a_file_with_a_fault_is_not_kept(company) -> None:
    with pytest.raises(ImportRefused):
        keep(company.hanna, b"email,name,department\nnobody,New,Finance\n")
    assert RosterFile.select().count() == 0


def test_a_file_is_imported_once_and_only_as_it_was_seen(company) -> None:
    kept = keep(company.hanna)
    seen = roster_files.preview(kept, "es").digest
    assert roster_files.import_seen(kept, "es", "another") is None
    assert not Person.select().where(Person.email == "new@x.example").exists()
    done = roster_files.import_seen(kept, "es", seen)
    assert done is not None
    assert [change.email for change in done.added] == ["new@x.example"]
    assert RosterFile.select().count() == 0


def test_after_an_hour_a_file_is_forgotten(company) -> None:
    kept = keep(company.hanna)
    assert roster_files.find(kept.id, company.hanna, OPENS + 3599) == kept
    assert roster_files.find(kept.id, company.hanna, OPENS + 3600) is None
    assert (roster_files.forget_due(OPENS + 3599), roster_files.forget_due(OPENS + 3600)) == (0, 1)


def test_whoever_has_left_hr_since_imports_nothing(company) -> None:
    kept = keep(company.hanna)
    seen = roster_files.preview(kept, "es").digest
    Person.update(role="").where(Person.id == company.hanna.id).execute()
    assert roster_files.import_seen(kept, "es", seen) is None
    assert not Person.select().where(Person.email == "new@x.example").exists()
