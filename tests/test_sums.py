"""Files that are summed already: a mean, the number of answers behind it, and its SD."""

from pathlib import Path
from typing import Any

import pytest
from customers import SUMS, Folder, counting

from survey.models import ExternalTally
from survey.settings import Settings

SUMMED: dict[str, Any] = {
    "form": "summed",
    "source": {"key": "desk"},
    "columns": {"touchpoint": "Servicio", "date": "Mes", "mean": "Nota", "n": "Respuestas", "sd": "Desv"},
    "scale": {"low": 0, "high": 10},
    "date_format": "%b de %Y",
    "item": "overall",
    "decimal": ",",
}


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_summed_file_keeps_mean_number_and_sd(folder: Folder) -> None:
    folder.take(SUMS)
    stored = ExternalTally.select(ExternalTally.points, ExternalTally.n, ExternalTally.sd).order_by(ExternalTally.n)
    assert list(stored.tuples()) == [(60.0, 10, None), (72.5, 40, 20.0)]


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


def test_other_columns_another_scale_and_spanish_numbers_are_read_as_points(folder: Folder) -> None:
    rows = "Servicio;Mes;Nota;Respuestas;Desv\nTienda;enero de 2026;7,5;1.200;1,5\nTaller;enero de 2026;6;10;\n"
    folder.take(rows, mapping=SUMMED)
    stored = ExternalTally.select(ExternalTally.points, ExternalTally.n, ExternalTally.sd).order_by(ExternalTally.n)
    assert list(stored.tuples()) == [(60.0, 10, None), (75.0, 1200, 15.0)]


def test_a_scale_whose_best_is_low_is_turned_round(folder: Folder) -> None:
    mapping = SUMMED | {"scale": {"low": 1, "high": 6, "best": "low"}}
    folder.take("Servicio;Mes;Nota;Respuestas;Desv\nTienda;enero de 2026;2;5;\n", mapping=mapping)
    assert counting("Tienda") == [(80.0, 5)]


def test_rows_of_what_is_not_read_are_passed_over_whatever_stands_in_them(folder: Folder) -> None:
    rows = "Servicio;Mes;Nota;Respuestas;Desv\nTotal;;;;\nTienda;enero de 2026;2;5;\n"
    assert folder.take(rows, mapping=SUMMED | {"not_read": ["Total"]}).answers.total() == 5


def test_a_wrong_mean_is_named_by_the_files_own_column_and_scale(folder: Folder) -> None:
    faults = folder.faults("Servicio;Mes;Nota;Respuestas;Desv\nTienda;enero de 2026;11;5;\n", mapping=SUMMED)
    assert faults == ('scores.csv, line 2, column "Nota": "11" is no mean; write points from 0 to 10.',)
