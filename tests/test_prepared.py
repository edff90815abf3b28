"""Queries whose SQL is written once."""

import logging

import pytest
from peewee import Query

from survey.models import Department, Person
from survey.prepared import joined, prepared
from tests.cast import Company


@prepared
def named_like(names: list[str]) -> Query:
    return Department.select().where(Department.name.in_(names)).order_by(Department.name)


@prepared
def by_key(key: str) -> Query:
    return Department.select(Department.id, Department.name).where(Department.key == key).tuples()


@prepared
def rename(key: str, name: str) -> Query:
    return Department.update(name=name).where(Department.key == key)


def test_each_call_has_values_of_its_own(company: Company) -> None:
    assert [name for _, name in by_key.raw("it") + by_key("sales")] == ["IT", "Sales"]
    assert by_key.raw("nowhere") == []


def test_a_collection_may_have_any_length(company: Company) -> None:
    for names in ([], ["IT"], ["IT", "Sales"], ["Finance", "IT", "Legal"], ["Sales"]):
        assert [found.name for found in named_like(names)] == names


def test_a_statement_tells_how_many_rows_it_has_changed(company: Company) -> None:
    assert rename("it", "Informatics") == 1
    assert rename("nowhere", "Nothing") == 0
    assert by_key.raw("it")[0][1] == "Informatics"


def test_a_value_is_never_part_of_the_sql(company: Company, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="peewee")
    assert by_key.raw("' OR 1=1 --") == []
    assert "1=1" not in caplog.records[-1].msg[0]


def test_a_row_of_two_tables_becomes_a_dictionary_for_each(company: Company) -> None:
    query = Person.select(Person, Department).join(Department).where(Person.id == company.bob.id)
    person, department = joined(query.tuples().get(), Person, Department)
    assert (person["name"], person["active"], department["name"]) == ("Bob Brown", True, "IT")
