"""What stands in a file, found by reading it once."""

from pathlib import Path

import pytest

from survey import profiles
from survey.profiles import Profile, profile_of
from survey.sheets import Faults, ImportRefused

DATA = Path(__file__).parent / "data"


def profile(folder: Path, text: str) -> Profile:
    path = folder / "scores.csv"
    path.write_text(text, encoding="utf-8")
    return profile_of(path, Faults(path.name))


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(ImportRefused) as refused:
        profile(folder, text)
    return refused.value.faults[0]


def test_values_are_counted_with_blanks_apart(tmp_path: Path) -> None:
    (what, mark) = profile(tmp_path, "What,Mark\nShop,4\nShop, \nDesk,5\n").columns
    assert (what.values, what.is_numeric, what.blanks) == ([("Shop", 2), ("Desk", 1)], False, 0)
    assert (mark.values, mark.low, mark.high, mark.blanks) == ([("4", 1), ("5", 1)], 4, 5, 1)


def test_a_column_with_many_values_keeps_a_few(tmp_path: Path) -> None:
    rows = "".join(f"{number},comment {number}\n" for number in range(profiles.MOST_VALUES + 1))
    found = profile(tmp_path, "n,text\n" + rows).column("text")
    assert found is not None
    assert (found.is_whole, len(found.values), found.different) == (False, profiles.SAMPLES, profiles.MOST_VALUES + 1)


def test_decimal_commas_and_dates_are_noticed(tmp_path: Path) -> None:
    found = profile(tmp_path, "When;Mark\n13/2/2026;4,5\n3/2/2026;5\n")
    assert found.decimal_comma
    assert found.columns[0].date_formats == ["%d/%m/%Y"]
    assert found.columns[1].high == 5


def test_qualtrics_questions_are_read_from_the_second_header_row() -> None:
    found = profile_of(DATA / "qualtrics.csv", Faults("a"))
    assert (found.header_rows, found.rows) == (3, 4)
    question = found.column("Q1")
    assert question is not None
    assert question.question == "How satisfied are you with the delivery?"


def test_a_profile_survives_being_kept(tmp_path: Path) -> None:
    found = profile(tmp_path, "When,Mark\n13/2/2026,4\n")
    assert Profile.from_json(found.to_json()) == found


def test_a_nameless_column_is_never_asked_for(tmp_path: Path) -> None:
    assert profile(tmp_path, ",Mark\n1,4\n").column("") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "scores.csv: is empty."),
        ("a,b\n", "scores.csv: has a header and no rows below it."),
        ("5\n", "scores.csv, line 1: has one column; "),
        ("a,b\0\n1,2\n", "scores.csv: is no text file; "),
        ("a,A,a\n1,2,3\n", 'scores.csv, line 1, column "a": stands twice'),
        ("a,b\n1\n", "scores.csv, line 2: has 1 cells where the header has 2."),
        (",".join(map(str, range(20_000))) + "\n", "scores.csv, line 1: has more than 1000 columns."),
    ],
)
def test_a_file_that_cannot_hold_scores_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert refusal(tmp_path, text).startswith(fault)
