"""Mappings that are kept for the next file."""

import tomllib
from pathlib import Path

import pytest
from customers import LONG, NOW

from survey.entries import MappingError
from survey.kept_mappings import find, forget, free_name, keep, kept, made_for, table_of
from survey.mapping import load_mapping, read_mapping
from survey.refusal import Refusal
from survey.settings import Settings

HEADER = ["What", "When", "Mark"]


@pytest.fixture(autouse=True)
def database(settings: Settings) -> None:
    """A fresh one for each test."""


def test_a_mapping_is_found_again_by_name_and_by_header() -> None:
    mapping = keep("Help désk", LONG, HEADER, NOW)
    assert (mapping.key, table_of(mapping)) == ("help-desk", LONG)
    assert find("help-desk") == find("Help Désk") == read_mapping("x", LONG)
    assert made_for(HEADER) == mapping
    assert made_for([*HEADER, "More"]) is None


def test_a_mapping_of_the_same_columns_is_replaced_and_of_others_is_not() -> None:
    keep("desk", LONG, HEADER, NOW)
    keep("desk", LONG | {"item": "openness"}, HEADER, NOW + 1)
    assert [(mapping.name, tomllib.loads(mapping.toml)["item"]) for mapping in kept()] == [("desk", "openness")]
    with pytest.raises(Refusal, match="other columns"):
        keep("Desk", LONG, [*HEADER, "More"], NOW)
    assert free_name("desk", "scores") == "scores"


@pytest.mark.parametrize("name", ["", "¿…?", "x" * 81])
def test_a_name_must_make_a_key(name: str) -> None:
    with pytest.raises(Refusal):
        keep(name, LONG, HEADER, NOW)


def test_a_name_that_looks_like_a_path_is_only_a_name(tmp_path: Path) -> None:
    assert keep("../../etc/passwd", LONG, HEADER, NOW).key == "etc-passwd"


def test_what_cannot_be_read_is_not_kept() -> None:
    with pytest.raises(MappingError):
        keep("desk", LONG | {"form": "tall"}, HEADER, NOW)
    assert kept() == []


def test_shipped_mappings_and_files_are_found_as_before(tmp_path: Path) -> None:
    assert find("sfo-2017-wide") == load_mapping("sfo-2017-wide")
    keep("sfo-2017-wide", LONG, HEADER, NOW)
    assert find("sfo-2017-wide").source_key == "desk"
    assert forget("sfo-2017-wide")
    assert not forget("sfo-2017-wide")
    with pytest.raises(MappingError, match="no such mapping"):
        find("desk")
