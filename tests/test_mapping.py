"""Mappings: what they may say, and what the files that they describe then mean."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from customers import LONG, NOW, Folder, counting

from survey.entries import MappingError
from survey.external import import_external
from survey.mapping import load_mapping, read_mapping
from survey.models import ExternalImport, Source
from survey.outside import touchpoints
from survey.settings import Settings
from survey.sheets import ImportRefused

FILES = Path(__file__).parent / "data"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def shipped(year: int, form: str = "wide") -> Any:
    return import_external(FILES / f"sfo-{year}-{form}.csv", load_mapping(f"sfo-{year}-{form}"), NOW)


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


# --- What a mapping may say -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"form": "tall"}, 'desk.toml, entry "form": found "tall"; expected one of "long", "wide", "summed".'),
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
