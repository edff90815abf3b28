"""The first guess at a file: right for the tools that are known, careful for others."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from customers import NOW, counting

from survey.external import import_external
from survey.guesses import guess, scale_of
from survey.mapping import read_mapping
from survey.profiles import profile_of
from survey.settings import Settings
from survey.sheets import Faults

DATA = Path(__file__).parent / "data"


def guessed(path: Path) -> dict[str, Any]:
    return guess(profile_of(path, Faults(path.name)), path.name)


def written(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return guessed(path)


@pytest.mark.parametrize(
    ("tool", "key", "tally"),
    [
        ("qualtrics", "Q1", [(50.0, 1), (75.0, 1), (100.0, 1)]),  # without the preview
        ("zendesk", "score", [(0.0, 1), (100.0, 2)]),  # good is 100 points and bad none
        ("delighted", "score", [(25.0, 1), (75.0, 1), (100.0, 1)]),  # without those who were asked for NPS
        ("hubspot", "Repairs", [(0.0, 1), (100.0, 1)]),  # 0 to 2
        ("typeform", "How clear was the invoice?", [(25.0, 1), (50.0, 1), (75.0, 1)]),
    ],
)
def test_files_of_known_tools_are_read_as_guessed(settings: Settings, tool: str, key: str, tally: list[Any]) -> None:
    path = DATA / f"{tool}.csv"
    import_external(path, read_mapping(path.name, guessed(path)), NOW)
    found: Counter[float] = Counter()
    for points, n in counting(key):
        found[points] += n
    assert sorted(found.items()) == tally


def test_who_would_recommend_is_never_read_by_itself(tmp_path: Path) -> None:
    assert "Q3" not in guessed(DATA / "qualtrics.csv")["touchpoints"]
    assert "Would you recommend us to a friend?" not in guessed(DATA / "typeform.csv")["touchpoints"]
    assert written(tmp_path, "score,comment,survey_type\n9,,nps\n4,,nps\n")["touchpoints"] == {}
    assert written(tmp_path, "score,comment,permalink\n9,,a\n4,,b\n")["touchpoints"] == {}


def test_a_column_of_names_and_one_of_scores_are_a_long_file(tmp_path: Path) -> None:
    rows = "".join(f"{number},{name},13/2/2026,4\n" for number in range(20) for name in ("Shop", "Desk"))
    found = written(tmp_path, "Id,Service,When,Mark\n" + rows + "99,Shop,13/2/2026,5\n")
    assert found["form"] == "long"
    assert found["columns"] == {"date": "When", "touchpoint": "Service", "score": "Mark"}
    assert (found["date_format"], set(found["touchpoints"])) == (["%d/%m/%Y"], {"Shop", "Desk"})


def test_dates_that_can_be_read_two_ways_are_not_guessed(tmp_path: Path) -> None:
    assert "date_format" not in written(tmp_path, "When,Ease,Speed\n3/2/2026,4,5\n4/3/2026,3,2\n")


def test_our_own_columns_are_known_in_any_order_and_case(tmp_path: Path) -> None:
    found = written(tmp_path, "Score,Item,Date,Touchpoint\n4,overall,2026-01-01,Shop\n")
    assert (found["form"], found["columns"]["score"]) == ("long", "Score")
    summed = written(tmp_path, "touchpoint,item,date,mean,n\nShop,overall,2026-01,70,9\n")
    assert (summed["form"], summed["scale"]) == ("summed", {"low": 0, "high": 100})


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ("0123456", (1, 5)),
        ("1234567", (1, 7)),
        (["1", "10"], (1, 10)),
        (["0", "10"], (0, 10)),
        (["0", "55", "100"], (0, 100)),
        (["4", "99", "-1"], (1, 5)),
        (["good"], (1, 5)),
    ],
)
def test_the_likeliest_scale(values: Any, scale: tuple[int, int]) -> None:
    assert scale_of(Counter(values)) == scale


def test_values_off_the_scale_are_shown_as_codes() -> None:
    assert guessed(DATA / "sfo-2017-wide.csv")["left_out"] == {"blank": ["", "0"], "not applicable": ["6"]}
