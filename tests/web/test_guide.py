"""What the steps of the guided mapping make of what was chosen."""

from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from survey.mapping import read_mapping
from survey.profiles import Profile, profile_of
from survey.refusal import Refusal
from survey.sheets import Faults
from survey.web.guide import first_open_step, listed_values, read_step

LONG = "Servicio,Aspecto,Fecha,Nota\n" + "Tienda,Trato,13/2/2026,4\nTaller,Plazos,14/2/2026,5\n" * 5


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    path = tmp_path / "scores.csv"
    path.write_text(LONG, encoding="utf-8")
    return profile_of(path, Faults(path.name))


def chosen(
    profile: Profile, step: str, values: dict[str, Any], known: dict[str, str] | None = None, **form: Any
) -> Any:
    return read_step(step, MultiDict(form), profile, values, known or {})


def walked(profile: Profile, **touchpoints: str) -> dict[str, Any]:
    values = chosen(profile, "layout", {"form": "wide", "source": {}}, form="long", source="Encuesta 2026")
    values = chosen(profile, "columns", values, touchpoint="0", item="1", date="2", score="3")
    return chosen(profile, "touchpoints", values, **touchpoints)


def test_a_long_file_with_practices_becomes_a_mapping(profile: Profile) -> None:
    names = {"include-1": "on", "name-1": "La tienda", "practice-0": "diligence", "practice-1": ""}
    values = walked(profile, **names)
    assert first_open_step(profile, values) is None
    mapping = read_mapping("x", values)
    assert (mapping.source_key, mapping.columns.item) == ("encuesta-2026", "Aspecto")
    assert mapping.touchpoints is not None
    assert mapping.touchpoints["Tienda"].name == "La tienda"
    assert set(mapping.not_read) == {"Taller", "Trato"}
    assert mapping.items["plazos"] == "diligence"


def test_a_touchpoint_that_the_source_has_already_keeps_its_key(profile: Profile) -> None:
    values = walked(profile, **{"include-1": "on", "name-1": "Tienda", "practice-0": "overall"})
    values = chosen(
        profile, "touchpoints", values, {"La tienda": "SHOP"},
        **{"include-1": "on", "name-1": "La tienda", "practice-0": "overall"},
    )  # fmt: skip
    assert values["touchpoints"]["Tienda"]["key"] == "SHOP"


def test_another_layout_forgets_the_columns_of_the_old_one(profile: Profile) -> None:
    values = walked(profile, **{"include-0": "on", "practice-0": "overall"})
    values = chosen(profile, "layout", values, form="summed", source="Encuesta")
    assert values["columns"] == {"date": "Fecha"}
    assert first_open_step(profile, values) == "columns"


def test_other_columns_of_scores_are_given_a_fresh_scale(profile: Profile) -> None:
    values = walked(profile, **{"include-0": "on", "practice-0": "overall"})
    values |= {"scale": {"low": 0, "high": 10}}
    again = chosen(profile, "columns", values, touchpoint="0", item="1", date="2", score="3")
    assert again["scale"] == {"low": 0, "high": 10}
    with pytest.raises(Refusal, match="one was chosen twice"):
        chosen(profile, "columns", values, touchpoint="0", score="0")


def test_values_are_listed_with_numbers_first(profile: Profile) -> None:
    values = walked(profile, **{"include-0": "on", "practice-0": "overall"})
    assert listed_values(profile, values) == [("4", 5), ("5", 5)]
