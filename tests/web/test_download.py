"""What pages show, as files: the same figures, and safe to open."""

import csv
import io
import json

from survey import results
from survey.models import Department


def test_the_download_holds_the_same_figures_as_the_command_line(hanna, released):
    for wave in released:
        assert hanna.get(f"/hr/results.json?wave={wave.id}").text == results.as_json(wave)
        assert hanna.get(f"/hr/results.csv?wave={wave.id}").text == "".join(results.as_csv(wave))


def test_the_download_has_a_plain_file_name(hanna, released):
    for form in ("csv", "json"):
        found = hanna.get(f"/hr/results.{form}").headers["Content-Disposition"]
        assert found == f'attachment; filename="espejo-quarterly-{released[0].local_date}.{form}"'


def test_a_formula_in_a_departments_name_is_text_in_the_download(hanna, released):
    Department.update(name="=cmd|' /C calc'!A0").where(Department.key == "finance").execute()
    cells = [cell for row in csv.reader(io.StringIO(hanna.get("/hr/results.csv").text)) for cell in row]
    assert "=cmd|' /C calc'!A0" not in cells
    assert "'=cmd|' /C calc'!A0" in cells


def test_no_figure_of_the_download_is_about_fewer_than_five(hanna):
    shown = [row for row in json.loads(hanna.get("/hr/results.json").text) if row["mean"] is not None]
    assert shown
    assert min(row["people_from"] for row in shown) >= 5
    assert all(row["mean"] % 5 == 0 and row["low"] is None for row in shown if row["people_to"] == 9)


def test_before_the_first_wave_has_closed_there_is_nothing_to_download(beginner):
    assert beginner.get("/hr/results.csv").status_code == 404
