"""Files of survey tools are known by their columns. The samples are described in tests/data/exports.md."""

import csv
from pathlib import Path

import pytest

from survey.known_exports import EXPORTS, is_recommendation, recognise

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize("tool", [export.name for export in EXPORTS])
def test_each_tool_is_known_by_its_columns(tool: str) -> None:
    with (DATA / f"{tool.lower()}.csv").open(encoding="utf-8") as file:
        export = recognise(next(csv.reader(file)))
    assert export is not None
    assert export.name == tool


@pytest.mark.parametrize("columns", [["touchpoint", "item", "date", "score"], ["score", "comment"], ["ticket_id"], []])
def test_other_files_are_nobodys(columns: list[str]) -> None:
    assert recognise(columns) is None


def test_names_compare_without_case_and_signs() -> None:
    export = recognise(["Survey Type", "COMMENT", "Score"])
    assert export is not None
    assert export.name == "Delighted"


@pytest.mark.parametrize(
    "text", ["NPS", "Q3_NPS_GROUP", "Would you recommend us?", "¿Nos recomendarías?", "net promoter score"]
)
def test_a_question_whether_one_would_recommend_is_known(text: str) -> None:
    assert is_recommendation(text)


@pytest.mark.parametrize("text", ["How satisfied are you?", "Synopsis", "¿Cómo te atendieron?"])
def test_other_questions_are_not(text: str) -> None:
    assert not is_recommendation(text)
