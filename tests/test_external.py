"""What customers say: files in every form, repeated, superseded and undone, and the scores they make."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from survey.external import (
    MappingError,
    import_external,
    load_mapping,
    outside_scores,
    read_mapping,
    set_departments,
    touchpoints,
    undo_import,
)
from survey.models import Department, ExternalImport, ExternalTally, Source, Touchpoint, TouchpointDepartment, database
from survey.settings import Settings
from survey.sheets import ImportRefused

FILES = Path(__file__).parent / "data"
NOW = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())
ANSWERS = (
    "touchpoint,item,date,score\nShop,overall,2026-01-10,4\nShop,overall,2026-01-10,4\nShop,overall,2026-01-11,2\n"
)
SUMS = "touchpoint,item,date,mean,n,sd\nShop,overall,2026-01,72.5,40,20\nShop,promises,2026-01,60,10,\n"
LONG: dict[str, Any] = {
    "form": "long",
    "item": "overall",
    "source": {"key": "desk"},
    "columns": {"touchpoint": "What", "date": "When", "score": "Mark"},
    "scale": {"low": 0, "high": 10},
    "date_format": "%d/%m/%Y",
}


class Folder:
    """Where a test writes its files, and imports them from."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, text: str | bytes, name: str = "scores.csv", encoding: str = "utf-8", **options: Any) -> Any:
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        mapping = options.pop("mapping", None)
        return import_external(path, mapping and read_mapping("desk.toml", mapping), NOW, **options)

    def faults(self, text: str, **options: Any) -> tuple[str, ...]:
        with pytest.raises(ImportRefused) as refused:
            self.take(text, **options)
        assert not any(table.select().count() for table in (Source, Touchpoint, ExternalImport, ExternalTally))
        return refused.value.faults


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def shipped(year: int, form: str = "wide") -> Any:
    return import_external(FILES / f"sfo-{year}-{form}.csv", load_mapping(f"sfo-{year}-{form}"), NOW)


def counting(key: str) -> list[tuple[float, int]]:
    """(points, n) of every score of a touchpoint that counts."""
    query = (
        ExternalTally.select(ExternalTally.points, ExternalTally.n)
        .join(Touchpoint)
        .where(Touchpoint.key == key, ExternalTally.superseded_by.is_null())
    )
    return sorted(query.tuples())


def department(name: str) -> int:
    return Department.create(key=name.lower(), name=name).id


def touchpoint_id(key: str) -> int:
    return Touchpoint.get(Touchpoint.key == key).id


# --- Files without a mapping ---------------------------------------------------------------------------------------


def test_answers_one_by_one_become_a_row_for_each_score_and_day(folder: Folder) -> None:
    summary = folder.take(ANSWERS)
    assert summary.answers == {("Shop", "overall"): 3}
    assert (summary.starts_on, summary.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]


def test_a_summed_file_keeps_mean_number_and_sd(folder: Folder) -> None:
    folder.take(SUMS)
    stored = ExternalTally.select(ExternalTally.points, ExternalTally.n, ExternalTally.sd).order_by(ExternalTally.n)
    assert list(stored.tuples()) == [(60.0, 10, None), (72.5, 40, 20.0)]


def test_a_month_is_its_first_to_its_last_day(folder: Folder) -> None:
    summary = folder.take("touchpoint,item,date,score\nShop,overall,2024-02,4\n")
    assert (summary.starts_on, summary.ends_on) == (date(2024, 2, 1), date(2024, 2, 29))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_accents_survive_every_encoding(folder: Folder, encoding: str) -> None:
    folder.take(ANSWERS.replace("Shop", "Recepción"), encoding=encoding)
    assert [row.name for row in touchpoints()] == ["Recepción"]


def test_semicolons_line_endings_and_capitals_of_a_spreadsheet_are_read(folder: Folder) -> None:
    folder.take("Touchpoint;Item;Date;Mean;N\r\nShop;Overall;2026-01-10;72,5;40\r\n")
    assert counting("Shop") == [(72.5, 40)]


def test_a_file_that_is_imported_without_a_right_header_is_refused(folder: Folder) -> None:
    assert folder.faults("a,b\n1,2\n") == (
        'scores.csv, line 1: the header has "a", "b"; write touchpoint,item,date,score or '
        "touchpoint,item,date,mean,n,sd, or bring a mapping.",
    )


def test_missing_and_doubled_columns_are_named(folder: Folder) -> None:
    missing = folder.faults("touchpoint,date,score\n")
    assert missing == ('scores.csv, line 1, column "item": is missing; the header has "touchpoint", "date", "score".',)
    doubled = folder.faults("touchpoint,item,date,score,score\n")
    assert doubled == ('scores.csv, line 1, column "score": stands twice in the header.',)


@pytest.mark.parametrize(("text", "fault"), [("", "is empty."), (ANSWERS[:27], "has no answers in it.")])
def test_a_file_without_answers_is_refused(folder: Folder, text: str, fault: str) -> None:
    assert folder.faults(text) == (f"scores.csv: {fault}",)


def test_every_fault_is_named_by_line_and_column_even_where_rows_are_alike(folder: Folder) -> None:
    faults = folder.faults(
        ANSWERS + "Shop,overall,2026-01-10,6\n,charm,10/01/2026,4.5\nShop,overall\nShop,overall,2026-01-10,6\n"
    )
    assert faults == (
        'scores.csv, line 5, column "score": "6" is not on the scale 1–5; '
        "mend it, or bring a mapping for another scale.",
        'scores.csv, line 6, column "score": "4.5" is no score; write a whole number from 1 to 5.',
        'scores.csv, line 6, column "touchpoint": names no touchpoint; write 1 to 120 characters.',
        'scores.csv, line 6, column "date": "10/01/2026" is no date; write it like 2017-05-31 or 2017-05.',
        'scores.csv, line 6, column "item": "charm" is no item; '
        "write one of promises, diligence, flexibility, openness, improvement, overall.",
        "scores.csv, line 7: has 2 cells where the header has 4.",
        'scores.csv, line 8, column "score": "6" is not on the scale 1–5; '
        "mend it, or bring a mapping for another scale.",
    )


@pytest.mark.parametrize("score", ["1", "5", "5.0", " 3 "])
def test_scores_at_the_ends_of_the_scale_are_taken(folder: Folder, score: str) -> None:
    assert folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n").answers.total() == 1


@pytest.mark.parametrize("score", ["0", "6", "", "4,0", "good"])
def test_scores_beyond_the_ends_of_the_scale_are_refused(folder: Folder, score: str) -> None:
    assert len(folder.faults(f'touchpoint,item,date,score\nShop,overall,2026-01-10,"{score}"\n')) == 1


@pytest.mark.parametrize("when", ["1969-12-31", "2026-02-30", "2026", "", "2026-13"])
def test_a_day_that_cannot_be_meant_is_refused(folder: Folder, when: str) -> None:
    assert len(folder.faults(f"touchpoint,item,date,score\nShop,overall,{when},4\n")) == 1


@pytest.mark.parametrize("figure", ["0,1,", "100,2,0", "50,2,70.7", "50,1,0"])
def test_sums_at_the_ends_of_what_is_possible_are_taken(folder: Folder, figure: str) -> None:
    folder.take(f"touchpoint,item,date,mean,n,sd\nShop,overall,2026-01,{figure}\n")


@pytest.mark.parametrize(
    ("figure", "column"),
    [("100.1,2,", "mean"), ("-1,2,", "mean"), ("50,0,", "n"), ("50,1.5,", "n"), ("50,2,73", "sd"), ("50,9,-1", "sd")],
)
def test_sums_beyond_what_is_possible_are_refused(folder: Folder, figure: str, column: str) -> None:
    faults = folder.faults(f"touchpoint,item,date,mean,n,sd\nShop,overall,2026-01,{figure}\n")
    assert [fault.split(":")[0] for fault in faults] == [f'scores.csv, line 2, column "{column}"']


def test_two_sums_of_one_touchpoint_item_and_date_are_refused(folder: Folder) -> None:
    assert folder.faults(SUMS + "Shop,overall,2026-01,70,9,\n") == (
        "scores.csv, line 4: the same touchpoint, item and date stand on line 2; keep one of them.",
    )


def test_a_file_counted_in_parts_has_the_same_answers(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.external.ROWS_AT_ONCE", 1)
    monkeypatch.setattr("survey.external.COMBINATIONS_AT_ONCE", 1)
    folder.take(ANSWERS)
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]


def test_a_rehearsal_tells_the_same_and_changes_nothing(folder: Folder) -> None:
    rehearsed = folder.take(ANSWERS, rehearse=True)
    assert Touchpoint.select().count() == ExternalImport.select().count() == Source.select().count() == 0
    assert rehearsed.lines() == folder.take(ANSWERS).lines()


def test_the_summary_tells_what_was_taken_and_what_is_left_to_do(folder: Folder) -> None:
    assert folder.take(ANSWERS).lines() == [
        "external, 2026-01-10 to 2026-01-11: 3 answers",
        "Shop (overall): 3",
        "new touchpoints: Shop",
        "not linked to a department yet: Shop",
    ]


def test_answers_from_the_future_are_taken_and_doubted(folder: Folder) -> None:
    rows = "touchpoint,item,date,score\nShop,overall,2026-03-03,4\nShop,overall,2026-03-04,4\n"
    assert folder.take(rows).notices == ["dated in the future, counting only from then on: 1; is that right?"]


# --- Files with a mapping ------------------------------------------------------------------------------------------


def test_the_wide_file_of_2017_has_the_answers_that_its_makers_counted(folder: Folder) -> None:
    summary = shipped(2017)
    assert counting("ALL") == [(0.0, 6), (25.0, 32), (50.0, 444), (75.0, 1507), (100.0, 699)]
    assert summary.left_out == {"blank": 1715, "never used or not applicable": 10931}
    assert (summary.starts_on, summary.ends_on) == (date(2017, 5, 1), date(2017, 5, 31))
    assert len(summary.new_touchpoints) == len(summary.without_department) == 15
    assert ExternalImport.get().left_out == 1715 + 10931


def test_blanks_of_one_column_are_counted(folder: Folder) -> None:
    lines = (FILES / "sfo-2017-wide.csv").read_text().splitlines()
    last = ["What,When,Mark", *(f"ALL,01/05/2017,{line.split(',')[-1]}" for line in lines[1:])]
    summary = folder.take("\n".join(last), mapping=LONG | {"left_out": {"blank": ["0"]}})
    assert summary.left_out == {"blank": 143}


def test_the_long_file_of_2017_has_the_same_answers_by_day_and_no_codes_of_comments(folder: Folder) -> None:
    summary = shipped(2017, "long")
    assert summary.answers == {("ALL", "overall"): 2688}
    assert summary.left_out == {'not read: "Q9COM1"': 171, 'not read: "Q9COM2"': 7}
    assert sum(n for points, n in counting("ALL") if points == 50.0) == 444
    assert (summary.starts_on, summary.ends_on) == (date(2017, 5, 5), date(2017, 8, 15))


def test_a_later_year_of_the_same_source_adds_to_the_earlier_one(folder: Folder) -> None:
    shipped(2016)
    summary = shipped(2017)
    assert summary.new_touchpoints == []
    assert summary.superseded == {}
    assert Source.select().count() == 1


def test_codes_off_the_scale_are_refused_with_the_column_that_they_stand_in(folder: Folder) -> None:
    faults = folder.faults("What,When,Mark\nShop,31/01/2026,11\n", mapping=LONG)
    assert faults == (
        'scores.csv, line 2, column "Mark": "11" is not on the scale 0–10; mend it, or let the mapping leave it out.',
    )


def test_codes_off_the_scale_are_left_out_and_counted_where_the_mapping_says_so(folder: Folder) -> None:
    mapping = LONG | {"scale": {"low": 0, "high": 10, "outside": "leave out"}}
    summary = folder.take("What,When,Mark\nShop,31/01/2026,11\nShop,31/01/2026,10\n", mapping=mapping)
    assert (summary.answers.total(), summary.left_out) == (1, {'not on the scale 0–10: "11"': 1})


def test_a_word_is_a_fault_even_where_codes_off_the_scale_are_left_out(folder: Folder) -> None:
    mapping = LONG | {"scale": {"low": 0, "high": 10, "outside": "leave out"}}
    assert len(folder.faults("What,When,Mark\nShop,31/01/2026,ten\n", mapping=mapping)) == 1


def test_a_code_is_the_same_with_and_without_decimals_and_capitals(folder: Folder) -> None:
    mapping = LONG | {"left_out": {"not applicable": ["99", "n/a"], "blank": [""]}}
    rows = "What,When,Mark\nShop,31/01/2026,99.0\nShop,,N/A\nShop,31/01/2026,\nShop,31/01/2026,5\n"
    assert folder.take(rows, mapping=mapping).left_out == {"not applicable": 2, "blank": 1}


def test_the_mapping_may_say_which_decimal_sign_a_file_has(folder: Folder) -> None:
    rows = 'What,When,Mark\nShop,31/01/2026,"7,5"\n'
    folder.take(rows, mapping=LONG | {"decimal": ","})
    assert counting("Shop") == [(75.0, 1)]


def test_a_decimal_comma_is_refused_where_the_mapping_says_point(folder: Folder) -> None:
    rows = "What;When;Mark\nShop;31/01/2026;7,5\n"
    assert len(folder.faults(rows, mapping=LONG | {"decimal": "."})) == 1


def test_a_name_that_the_mapping_does_not_list_is_refused(folder: Folder) -> None:
    mapping = LONG | {"touchpoints": {"Q1": {"name": "Shop"}}}
    assert folder.faults("What,When,Mark\nQ2,31/01/2026,5\n", mapping=mapping) == (
        'scores.csv, line 2, column "What": "Q2" is not in the mapping; add it to [touchpoints] or to not_read.',
    )


def test_a_column_of_items_may_use_its_own_names(folder: Folder) -> None:
    mapping = {key: value for key, value in LONG.items() if key != "item"}
    mapping |= {"columns": LONG["columns"] | {"item": "About"}, "items": {"Puntualidad": "promises"}}
    summary = folder.take("What,About,When,Mark\nShop,puntualidad,31/01/2026,5\n", mapping=mapping)
    assert summary.answers == {("Shop", "promises"): 1}


def test_several_columns_may_rate_one_touchpoint_on_several_items(folder: Folder) -> None:
    mapping = {
        "form": "wide",
        "source": {"key": "desk"},
        "columns": {"date": "Day"},
        "date_format": "%Y",
        "scale": {"low": 1, "high": 3},
        "touchpoints": {
            "Q1": {"key": "shop", "name": "Shop", "item": "overall"},
            "Q2": {"key": "shop", "item": "openness"},
        },
    }
    summary = folder.take("Day,Q1,Q2,Age\n2025,1,3,44\n", mapping=mapping)
    assert summary.answers == {("shop", "overall"): 1, ("shop", "openness"): 1}
    assert (summary.starts_on, summary.ends_on) == (date(2025, 1, 1), date(2025, 12, 31))
    assert 'Columns that are not read: "Age".' in summary.notices
    assert [row.name for row in touchpoints()] == ["Shop"]


def test_a_wide_fault_is_named_by_its_own_column(folder: Folder) -> None:
    text = (FILES / "sfo-2017-wide.csv").read_text().replace("\n3,5,", "\n3,9,", 1)
    (folder.path / "wide.csv").write_text(text)
    with pytest.raises(ImportRefused) as refused:
        import_external(folder.path / "wide.csv", load_mapping("sfo-2017-wide"), NOW)
    assert [fault.split(": ")[0] for fault in refused.value.faults] == ['wide.csv, line 5, column "ART"']


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"form": "tall"}, 'desk.toml, entry "form": found "tall"; expected one of "long", "wide".'),
        ({"fom": "long"}, 'desk.toml, entry "fom": is unknown; expected one of form, '),
        ({"source": {}}, 'desk.toml, [source], entry "key": found nothing; expected a text '),
        ({"scale": {"low": 5, "high": 1}}, 'desk.toml, [scale], entry "high": found 1; expected a number above low'),
        ({"scale": {"low": "1", "high": 5}}, 'desk.toml, [scale], entry "low": found "1"; expected a number.'),
        ({"item": "charm"}, 'desk.toml, entry "item": found "charm"; expected one of "promises", '),
        ({"item": ""}, 'desk.toml, entry "item": found ""; expected the item that the scores are about'),
        ({"date_format": "%d.%m."}, 'desk.toml, entry "date_format": found "%d.%m."; expected a format with a year'),
        ({"columns": {"touchpoint": "a"}}, 'desk.toml, [columns], entry "score": found nothing; expected a text'),
        ({"columns": {"touchpoint": "a", "score": "b"}}, 'desk.toml, entry "period": found nothing; expected either'),
        ({"period": {}}, 'desk.toml, entry "period": found {}; expected either a period'),
        ({"decimal": "'"}, 'desk.toml, entry "decimal": found "\'"; expected one of ".", ",".'),
        ({"touchpoints": {}}, 'desk.toml, entry "touchpoints": found {}; expected at least one name of the file.'),
        (
            {"touchpoints": {"Q1": {"departments": {"sales": 2}}}},
            'desk.toml, [touchpoints], [Q1], [departments], entry "sales": found 2; expected a weight above 0',
        ),
    ],
)
def test_a_mapping_names_the_entry_that_is_wrong(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(MappingError) as error:
        read_mapping("desk.toml", LONG | change)
    assert str(error.value).startswith(fault)


def test_a_fixed_period_must_not_end_before_it_begins() -> None:
    columns = {"touchpoint": "a", "score": "b"}
    for first, last in ((date(2017, 5, 1), date(2017, 5, 1)), ("2017-05-01", "2017-05-02")):
        assert read_mapping("desk.toml", LONG | {"columns": columns, "period": {"from": first, "to": last}}).period
    with pytest.raises(MappingError, match="a date not before 2017-05-02"):
        read_mapping("desk.toml", LONG | {"columns": columns, "period": {"from": "2017-05-02", "to": "2017-05-01"}})


def test_a_mapping_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes((Path(__file__).parents[1] / "survey/mappings/sfo-2017-wide.toml").read_bytes())
    assert load_mapping("sfo-2017-wide") == load_mapping("sfo-2017-wide.toml") == load_mapping(mine)


def test_a_mapping_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="Espejo brings sfo-2016-wide, sfo-2017-long, sfo-2017-wide"):
        load_mapping("sfo-1849")
    (tmp_path / "broken.toml").write_text("form = ")
    with pytest.raises(MappingError, match=r"broken\.toml: is not written in TOML"):
        load_mapping(tmp_path / "broken.toml")


# --- Again, instead, and back --------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing_and_says_so(folder: Folder) -> None:
    folder.take(ANSWERS)
    again = folder.take(ANSWERS, name="copy.csv")
    assert again.lines() == ["copy.csv: already imported for external; nothing changed."]
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]
    assert ExternalImport.select().count() == 1


def test_a_file_about_the_same_days_supersedes_and_one_about_others_adds(folder: Folder) -> None:
    folder.take(ANSWERS)
    summary = folder.take("touchpoint,item,date,score\nShop,overall,2026-01-11,5\nShop,overall,2026-01-12,5\n", "b.csv")
    assert summary.superseded == {"scores.csv": 1}
    assert "superseded, no longer counting: 1 of scores.csv" in summary.lines()
    assert counting("Shop") == [(75.0, 2), (100.0, 1), (100.0, 1)]
    assert ExternalTally.select().count() == 4


@pytest.mark.parametrize(
    "row", ["Desk,overall,2026-01-10,5", "Shop,promises,2026-01-10,5", "Shop,overall,2026-01-12,5"]
)
def test_another_touchpoint_item_or_day_supersedes_nothing(folder: Folder, row: str) -> None:
    folder.take(ANSWERS)
    assert folder.take(f"touchpoint,item,date,score\n{row}\n", "b.csv").superseded == {}


def test_days_before_and_after_supersede_nothing_between_them(folder: Folder) -> None:
    folder.take(ANSWERS)
    around = "touchpoint,item,date,score\nShop,overall,2026-01-09,5\nShop,overall,2026-01-12,5\n"
    assert folder.take(around, "b.csv").superseded == {}


def test_another_source_supersedes_nothing(folder: Folder) -> None:
    folder.take(ANSWERS)
    assert folder.take("What,When,Mark\nShop,10/01/2026,5\n", "b.csv", mapping=LONG).superseded == {}


def test_a_month_supersedes_its_days(folder: Folder) -> None:
    folder.take(ANSWERS)
    assert folder.take(SUMS, "b.csv").superseded == {"scores.csv": 3}
    assert folder.take(ANSWERS).notices == ["Scores of it were superseded by b.csv; undo that import to go back."]


def test_undoing_an_import_brings_back_what_it_superseded(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take(SUMS, "b.csv")
    undo_import(ExternalImport.get(ExternalImport.file_name == "b.csv").id)
    assert counting("Shop") == [(25.0, 1), (75.0, 2)]
    assert not folder.take(SUMS, "b.csv").already_imported


def test_undoing_an_import_does_not_bring_back_what_a_later_file_replaced_too(folder: Folder) -> None:
    for name, score in (("a.csv", 1), ("b.csv", 2), ("c.csv", 3)):
        folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n", name)
    undo_import(ExternalImport.get(ExternalImport.file_name == "b.csv").id)
    assert counting("Shop") == [(50.0, 1)]
    undo_import(ExternalImport.get(ExternalImport.file_name == "c.csv").id)
    assert counting("Shop") == [(0.0, 1)]


def test_undoing_the_last_of_three_brings_back_the_second_alone(folder: Folder) -> None:
    for name, score in (("a.csv", 1), ("b.csv", 2), ("c.csv", 3)):
        folder.take(f"touchpoint,item,date,score\nShop,overall,2026-01-10,{score}\n", name)
    undo_import(ExternalImport.get(ExternalImport.file_name == "c.csv").id)
    assert counting("Shop") == [(25.0, 1)]


def test_an_import_cannot_be_undone_twice(folder: Folder) -> None:
    folder.take(ANSWERS)
    undo_import(1)
    with pytest.raises(ValueError, match="no import number 1"):
        undo_import(1)


# --- Touchpoints and departments -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Shop", "SHOP", "Shóp!"])
def test_a_new_touchpoint_is_linked_to_the_department_of_the_same_name(folder: Folder, name: str) -> None:
    department("Shop")
    summary = folder.take(ANSWERS.replace("Shop", name))
    assert summary.notices == [f"{name} was linked to Shop (weight 1)."]
    assert summary.without_department == []
    assert [(link.weight, link.attributed) for link in TouchpointDepartment.select()] == [(1.0, False)]


def test_a_touchpoint_that_hr_has_freed_is_not_linked_again(folder: Folder) -> None:
    department("Shop")
    folder.take(ANSWERS)
    set_departments(touchpoint_id("Shop"), {}, attributed=False)
    assert folder.take(SUMS).without_department == ["Shop"]


def mapping_with(departments: dict[str, float]) -> dict[str, Any]:
    return LONG | {"touchpoints": {"Shop": {"departments": departments}}}


def test_a_mapping_may_link_touchpoints_to_departments(folder: Folder) -> None:
    department("Sales")
    department("Support")
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1, "support": 0.5}))
    assert summary.notices == ["Shop was linked to Sales (weight 1), Support (weight 0.5)."]


def test_a_mapping_never_overrides_the_departments_that_hr_has_chosen(folder: Folder) -> None:
    sales = department("Sales")
    folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=LONG)
    set_departments(touchpoint_id("Shop"), {sales: 0.5}, attributed=True)
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1}))
    assert summary.notices == ["Shop keeps its departments (sales); the mapping has others."]
    assert TouchpointDepartment.get().weight == 0.5


def test_a_mapping_that_names_an_unknown_department_links_to_none(folder: Folder) -> None:
    department("Sales")
    summary = folder.take("What,When,Mark\nShop,10/01/2026,5\n", mapping=mapping_with({"sales": 1, "magic": 1}))
    assert summary.notices == ["Shop was not linked, as there is no department magic."]
    assert summary.without_department == ["Shop"]


@pytest.mark.parametrize("weight", [0.01, 1])
def test_a_weight_may_be_up_to_one(folder: Folder, weight: float) -> None:
    folder.take(ANSWERS)
    set_departments(touchpoint_id("Shop"), {department("Sales"): weight}, attributed=False)
    assert touchpoints()[0].departments[0].weight == weight


@pytest.mark.parametrize("weight", [0, 1.01, float("nan")])
def test_another_weight_is_refused_and_the_links_stay(folder: Folder, weight: float) -> None:
    department("Shop")
    folder.take(ANSWERS)
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        set_departments(touchpoint_id("Shop"), {department("Sales"): weight}, attributed=False)
    assert [link.name for link in touchpoints()[0].departments] == ["Shop"]


def test_the_list_of_touchpoints_tells_what_counts_and_for_whom(folder: Folder) -> None:
    folder.take(ANSWERS)
    folder.take("touchpoint,item,date,score\nShop,overall,2026-01-10,1\nDesk,overall,2026-01-10,1\n", "b.csv")
    set_departments(touchpoint_id("Shop"), {department("Sales"): 0.5, department("Help"): 1}, attributed=True)
    desk, shop = touchpoints()
    assert (desk.name, desk.departments) == ("Desk", ())
    assert (shop.source, shop.key, shop.answers) == ("external", "Shop", 2)
    assert (shop.starts_on, shop.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))
    assert [(link.name, link.weight, link.attributed) for link in shop.departments] == [
        ("Help", 1.0, True),
        ("Sales", 0.5, True),
    ]


# --- Scores outside ------------------------------------------------------------------------------------------------


def take_sums(folder: Folder, *rows: str) -> None:
    folder.take("\n".join(["touchpoint,item,date,mean,n,sd", *rows]))


def test_one_touchpoint_gives_its_departments_the_mean_of_its_answers(folder: Folder) -> None:
    shop = department("Shop")
    folder.take(ANSWERS)
    outside = outside_scores(date(2026, 3, 1))[shop, "overall"]
    assert outside.estimate.n == 3
    assert outside.estimate.mean == pytest.approx((75 + 75 + 25) / 3)
    assert (outside.attributed, outside.touchpoints) == (False, ("Shop",))
    assert (outside.starts_on, outside.ends_on) == (date(2026, 1, 10), date(2026, 1, 11))


def test_several_touchpoints_are_averaged_by_their_weights_whatever_their_number_of_answers(folder: Folder) -> None:
    sales = department("Sales")
    take_sums(folder, "Shop,overall,2026-01,80,900,10", "Desk,overall,2026-01,50,30,10")
    set_departments(touchpoint_id("Shop"), {sales: 0.5}, attributed=False)
    set_departments(touchpoint_id("Desk"), {sales: 1}, attributed=False)
    outside = outside_scores(date(2026, 3, 1))[sales, "overall"]
    assert outside.estimate.mean == pytest.approx(60)
    assert outside.estimate.n == 930
    assert outside.touchpoints == ("Desk", "Shop")


def test_attributed_touchpoints_count_only_on_items_where_a_department_has_none_of_its_own(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(
        folder, "Shop,overall,2026-01,80,30,10", "Desk,overall,2026-01,50,30,10", "Desk,openness,2026-01,40,30,10"
    )
    set_departments(touchpoint_id("Desk"), {shop: 1}, attributed=True)
    scores = outside_scores(date(2026, 3, 1))
    own, given = scores[shop, "overall"], scores[shop, "openness"]
    assert (own.attributed, own.estimate.mean, own.touchpoints) == (False, 80, ("Shop",))
    assert (given.attributed, given.estimate.mean, given.touchpoints) == (True, 40, ("Desk",))


def test_the_window_is_the_year_that_ends_with_the_latest_score(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(
        folder,
        "Shop,overall,2025-01-10,0,10,",  # a day too early
        "Shop,overall,2025-01-11,60,10,",  # the first of 365 days
        "Shop,overall,2026-01-10,80,10,",
    )
    outside = outside_scores(date(2026, 3, 1))[shop, "overall"]
    assert (outside.estimate.n, outside.estimate.mean) == (20, 70)
    assert outside.starts_on == date(2025, 1, 11)


def test_a_period_that_begins_before_the_window_counts_only_when_it_is_the_latest(folder: Folder) -> None:
    shop = department("Shop")
    leap_years = LONG | {"date_format": "%Y"}
    folder.take("What,When,Mark\nShop,2020,0\nShop,2020,0\nShop,2024,8\nShop,2024,8\n", mapping=leap_years)
    take_sums(folder, "Shop,overall,2025-03-10,20,10,")
    assert outside_scores(date(2024, 12, 31))[shop, "overall"].estimate.mean == 80
    assert outside_scores(date(2025, 3, 10))[shop, "overall"].estimate.mean == 20


def test_scores_count_from_their_last_day_on(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,10,")
    assert outside_scores(date(2026, 1, 30)) == {}
    assert (shop, "overall") in outside_scores(date(2026, 1, 31))


def test_a_single_answer_makes_no_score_and_two_do(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,1,", "Shop,openness,2026-01,80,2,")
    assert list(outside_scores(date(2026, 3, 1))) == [(shop, "openness")]


def test_superseded_scores_do_not_count(folder: Folder) -> None:
    shop = department("Shop")
    take_sums(folder, "Shop,overall,2026-01,80,10,")
    take_sums(folder, "Shop,overall,2026-01,40,10,")
    assert outside_scores(date(2026, 3, 1))[shop, "overall"].estimate.mean == 40


def test_each_department_has_its_own_window(folder: Folder) -> None:
    early, late = department("Early"), department("Late")
    take_sums(folder, "Early,overall,2024-01,30,10,", "Late,overall,2026-01,70,10,")
    scores = outside_scores(date(2026, 3, 1))
    assert (scores[early, "overall"].ends_on, scores[late, "overall"].ends_on) == (date(2024, 1, 31), date(2026, 1, 31))


@pytest.mark.parametrize("departments", [1, 12])
def test_the_number_of_queries_does_not_grow_with_the_departments(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, departments: int
) -> None:
    for number in range(departments):
        department(f"Shop{number}")
    take_sums(folder, *(f"Shop{number},overall,2025-{number + 1:02},70,10," for number in range(departments)))
    statements: list[str] = []
    execute = database.obj.execute_sql

    def counted(sql: str, *arguments: Any, **options: Any) -> Any:
        statements.append(sql)
        return execute(sql, *arguments, **options)

    monkeypatch.setattr(database.obj, "execute_sql", counted)
    assert len(outside_scores(date(2026, 3, 1))) == departments
    assert len(touchpoints()) == departments
    assert len(statements) == 4
