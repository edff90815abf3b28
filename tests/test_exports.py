"""Tables as files: what cells hold, and that no text of people's runs."""

import csv
import io

from openpyxl import load_workbook

from survey import exports, matrices, releases
from survey.exports import Table
from survey.findings import BadlyServed, Family, RealChange
from survey.measure.disclosure import Change, Figure
from survey.measure.scale import OVERALL
from survey.models import Department
from survey.releases import Clients
from survey.summaries import lead_summary
from tests.cast import Company
from tests.engines import storable
from tests.test_releases import about_sales, at_random

HOSTILE = "=cmd|' /C calc'!A0\x00\x0b\ufffe"


def from_csv(table: Table) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(table.export("csv")).decode())))


def from_xlsx(table: Table) -> list[tuple[object, ...]]:
    return list(load_workbook(io.BytesIO(b"".join(table.export("xlsx")))).active.iter_rows(values_only=True))


def test_csv_and_xlsx_hold_the_same_cells(company: Company) -> None:
    wave = company.released_wave(at_random(1))
    table = exports.matrix(matrices.by_department([wave], OVERALL))
    workbook = [["" if value is None else str(value) for value in row] for row in from_xlsx(table)]
    assert from_csv(table) == workbook
    assert workbook[0][:6] == ["item", "provider", "clients", "people_from", "people_to", "mean"]


def test_numbers_are_numbers_and_days_are_iso(company: Company) -> None:
    wave = company.released_wave(at_random(1))
    sales = company.departments["Sales"]
    header, row = from_xlsx(exports.trend(sales, OVERALL, releases.trend(sales, OVERALL, [wave])))
    found = dict(zip(header, row, strict=True))
    assert isinstance(found["mean"], int)
    assert found["date"] == str(wave.local_date)


def test_a_figure_about_few_has_a_mean_and_nothing_more(company: Company) -> None:
    wave = about_sales(company, ("Finance", 9, 4))
    lines = lead_summary(wave, [company.departments["Sales"]]).departments[0].lines
    header, *rows = from_xlsx(exports.items(company.departments["Sales"], lines))
    for row in rows:
        found = {name: value for name, value in zip(header, row, strict=True) if value is not None}
        assert set(found) == {"department", "item", "people_from", "people_to", "mean", "approximate"}


def test_hostile_names_are_text_in_both_forms(company: Company) -> None:
    Department.update(name=storable(HOSTILE)).where(Department.key == "sales").execute()
    wave = company.released_wave(at_random(1))
    table = exports.providers(releases.provider_results(wave), OVERALL)
    assert any(row[0].startswith("'=cmd|") for row in from_csv(table))
    assert "'=cmd|' /C calc'!A0" in [row[0] for row in from_xlsx(table)]
    sheet = load_workbook(io.BytesIO(b"".join(table.export("xlsx")))).active
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_a_table_without_rows_is_its_header(company: Company) -> None:
    assert len(from_csv(exports.missing(company.departments["Sales"], None))) == 1


FIGURE = Figure(
    mean=41, approximate=False, people=(10, 19), interval=(30, 52), distribution=(3, 4, 1, 1, 1), favourable=20
)
FELL = Change(points=-18, interval=(-25, -11), p=0.001)


def test_what_stands_out_keeps_its_corrected_p_and_among_how_many() -> None:
    sales, served = Department(name="Sales"), Clients(("IT", "Legal"), others=True)
    badly = exports.badly_served(Family((BadlyServed(sales, served, FIGURE, FELL, 0.012),), compared=12))
    changes = exports.changes(Family((RealChange(sales, "promises", FIGURE, FELL, 0.03),), compared=72))
    for table, expected in (
        (badly, {"clients": "others: IT, Legal", "provider": "Sales", "difference": "-18", "difference_low": "-25"}),
        (changes, {"department": "Sales", "item": "promises", "change": "-18", "change_high": "-11"}),
    ):
        header, row = from_csv(table)
        found = dict(zip(header, row, strict=True))
        assert found == found | expected | {"mean": "41", "low": "30", "people_to": "19"}
    assert from_csv(badly)[1][-2:] == ["0.012", "12"]
    assert from_csv(changes)[1][-2:] == ["0.03", "72"]


def test_where_nothing_stands_out_there_is_the_header_alone() -> None:
    for table in (exports.badly_served(Family((), 12)), exports.changes(Family((), 0)), exports.facades([])):
        assert len(from_csv(table)) == 1
