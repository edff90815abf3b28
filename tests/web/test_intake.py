"""What customers say, brought in by HR: files step by step, imports undone, what touchpoints count for."""

import html
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import time_machine
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from survey import kept_mappings, uploads
from survey.external import import_external
from survey.models import (
    Department,
    ExternalImport,
    ExternalTally,
    KeptMapping,
    Person,
    Touchpoint,
    TouchpointDepartment,
    Upload,
)
from survey.settings import Settings
from survey.signing import sign_in_token
from survey.web import frame, intake
from tests.browser import DESK, browsing
from tests.cast import OPENS
from tests.web.pages import STRANGE, everything, rows, tables

MOMENT = OPENS + 3600
AIRPORT = Path(__file__).parents[1] / "data" / "sfo-2017-wide.csv"
STRANGE_CSV = STRANGE.replace('"', '""')


@pytest.fixture(autouse=True)
def clock():
    """A moment while the first wave is open."""
    with time_machine.travel(MOMENT, tick=False) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


# --- What touchpoints count for ------------------------------------------------------------------------------------


@pytest.fixture
def mapping(released, hanna, company):
    """Post departments and weights for the shop that counts for nobody yet."""
    shop = Touchpoint.get(Touchpoint.name == "Shop")

    def post(*chosen: tuple[str, str], touchpoint: object = shop.id, **extra: str):
        data = {"touchpoint": str(touchpoint), **extra}
        for place, (name, weight) in enumerate([*chosen, *[("0", "1.0")] * (4 - len(chosen))]):
            found = company.departments.get(name)
            data |= {f"departments-{place}-department": str(found.id if found else name)}
            data |= {f"departments-{place}-weight": weight}
        return hanna.post("/hr/external", data=data)

    return post


def counts_for(name: str) -> dict[str, tuple[float, bool]]:
    links = TouchpointDepartment.select().join(Touchpoint).where(Touchpoint.name == name)
    return {link.department.name: (link.weight, link.attributed) for link in links}


def test_files_in_espejos_own_form_are_called_so(hanna, tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("touchpoint,item,date,score\nDesk,overall,2026-01-10,4\n")
    import_external(file, None, OPENS)
    shown = rows(hanna, "/hr/external", 0) | rows(hanna, "/hr/external", 1)
    assert (shown["Desk"][0], shown["own.csv"][0]) == ("Espejo's own form", "Espejo's own form")
    assert "Espejo&#39;s own form, imported on" in hanna.get("/hr/external/imports/1/undo").text


def test_looking_at_the_touchpoints_changes_nothing(released, hanna):
    before = everything()
    for method in ("GET", "HEAD"):
        assert hanna.open("/hr/external", method=method).status_code == 200
    assert everything() == before


def test_a_touchpoint_is_given_to_departments_with_weights(mapping):
    assert mapping(("Sales", "0.5"), ("Legal", "1"), attributed="y").location == "/hr/external"
    assert counts_for("Shop") == {"Sales": (0.5, True), "Legal": (1.0, True)}
    assert set(counts_for("Finance")) == {"Finance"}


def test_a_weight_above_0_and_up_to_1_is_taken(mapping):
    for weight in ("0.01", "1", "1.0", " 0.5 ", "0,5", "1e-1"):
        assert mapping(("Sales", weight)).status_code == 302
        assert counts_for("Shop")["Sales"][0] == float(weight.replace(",", "."))


def test_any_other_weight_is_refused_and_the_rest_stays_in_the_form(mapping):
    before = everything()
    for weight in ("nan", "inf", "-inf", "0", "-0.5", "1.01", "2", "much", "", " ", "0.5.5", "٠"):
        answer = mapping(("Sales", weight), ("Legal", "0.25"))
        assert answer.status_code == 422, weight
        assert answer.text.count('role="alert"') == 1
        assert 'value="0.25"' in answer.text
    assert everything() == before


def test_the_same_department_twice_is_refused(mapping):
    before = everything()
    assert mapping(("Sales", "0.5"), ("Sales", "1")).status_code == 422
    assert everything() == before


def test_a_department_that_there_is_not_is_refused(mapping):
    before = everything()
    for department in ("99", "x", "", "-1", "1.0"):
        assert mapping((department, "1")).status_code == 422, department
    assert everything() == before


def test_a_department_that_is_no_more_cannot_be_chosen(mapping):
    Department.update(active=False).where(Department.name == "Legal").execute()
    assert mapping(("Legal", "1")).status_code == 422


def test_a_touchpoint_that_there_is_not_is_refused(mapping):
    for touchpoint in ("99", "x", "", "99999999999999999999"):
        assert mapping(("Sales", "1"), touchpoint=touchpoint).status_code == 404, touchpoint


def test_a_touchpoint_can_be_taken_back_whatever_weight_is_left_standing(mapping):
    mapping(("Sales", "1"))
    assert mapping(("0", "")).status_code == 302
    assert counts_for("Shop") == {}


def test_a_touchpoint_of_many_departments_shows_and_keeps_them_all(mapping, hanna, company):
    everyone = [(name, "0.5") for name in company.departments]
    assert mapping(*everyone).status_code == 302
    assert set(counts_for("Shop")) == set(company.departments)
    shop = Touchpoint.get(Touchpoint.name == "Shop")
    assert hanna.get(f"/hr/external?touchpoint={shop.id}").text.count("selected value") == len(everyone)


def test_one_touchpoint_is_changed_at_a_time(released, hanna):
    """A form of every department for every touchpoint would be a page of a megabyte."""
    assert 'name="departments-0-weight"' not in hanna.get("/hr/external").text
    shop, other = Touchpoint.select().order_by(Touchpoint.name != "Shop").limit(2)
    page = hanna.get(f"/hr/external?touchpoint={shop.id}").text
    assert page.count('name="departments-0-weight"') == 1
    assert f'name="touchpoint" value="{shop.id}"' in page
    assert f"touchpoint={other.id}#departments" in page
    for strange in ("0", "x", ""):
        assert hanna.get(f"/hr/external?touchpoint={strange}").status_code == 404


def test_what_a_touchpoint_counts_for_shows_on_the_gap_page(mapping, hanna):
    assert "Shop" not in hanna.get("/hr/gap").text
    mapping(("Logistics", "1"))
    assert "Shop" in hanna.get("/hr/gap").text


# --- A file, step by step ------------------------------------------------------------------------------------------

WIDE = "Día,Trato,Rapidez,Nota\n3/2/2026,5,4,x\n4/2/2026,3,,x\n4/2/2026,9,6,x\n"


@pytest.fixture
def send(company, hanna):
    """Upload a file; the address of the page that follows, or the answer that refuses it."""

    def sent(content: str | bytes = WIDE, name: str = "encuesta.csv", client=hanna):
        raw = content if isinstance(content, bytes) else content.encode()
        answer = client.post("/hr/external/uploads", data={"file": (io.BytesIO(raw), name)})
        return answer.location if answer.status_code == 302 else answer

    return sent


def step(client, address: str, **form: object):
    return client.post(address, data=form)


def steps_to_the_check(client, address: str) -> str:
    """Walk the wide file through every step; the address of the check."""
    address = step(client, address, form="wide", source="Encuesta").location
    address = step(client, address, date="0", rated=["1", "2"]).location
    names = {"name-0": "Trato", "item-0": "overall", "department-0-0": "logistics", "weight-0-0": "0,5"}
    address = step(client, address, **names, **{"name-1": "Trato", "item-1": "diligence"}).location
    scale = {"low": "1", "high": "5", "best": "high", "decimal": "."}
    codes = {f"meaning-{place}": "score" for place in range(3)}  # 3, 4 and 5; then come 6 and 9
    codes |= {"meaning-3": "not applicable", "meaning-4": "left out"}
    address = step(client, address, **scale, **codes).location
    answer = step(client, address, date_format="%d/%m/%Y")
    return answer.location


def test_a_file_is_kept_and_the_first_step_shows_its_rows(send, hanna):
    address = send()
    assert address.endswith("/layout")
    page = hanna.get(address).text
    assert tables(page)[0][0] == ["Día", "Trato", "Rapidez", "Nota"]
    assert tables(page)[0][1] == ["3/2/2026", "5", "4", "x"]
    assert ExternalImport.select().count() == 0


def test_each_step_asks_and_the_check_shows_what_would_be_counted(send, hanna):
    before = ExternalTally.select().count()
    page = hanna.get(steps_to_the_check(hanna, send())).text
    counted = tables(page)[0]
    assert counted[1][:4] == ["Trato", "All in all", "2", "75.0"]
    assert counted[1][4].replace(" ", "") == "3:15:1"
    assert counted[1][5].replace(" ", "") == "blank:1leftout:1doesnotapply:1"
    assert counted[2][:4] == ["Trato", "Acts promptly", "1", "75.0"]
    assert ExternalTally.select().count() == before


def test_a_column_without_a_name_that_is_not_read_is_told_by_its_place(send, hanna):
    file = "".join(f"{line},\n" for line in WIDE.splitlines())
    page = hanna.get(steps_to_the_check(hanna, send(file))).text
    assert "Columns that are not read: Nota; column 5, which has no name." in page


def test_a_broken_workbook_is_told_as_what_could_not_be_read(send):
    answer = send(b"\xd0\xcf\x11\xe0\0\0\0\0", name="encuesta.xlsx")
    told = "encuesta.xlsx: cannot be read as Excel (XLSX) or as CSV; save it again as one of the two."
    assert told in html.unescape(answer.text)


def test_importing_stores_all_links_departments_and_keeps_the_mapping(send, hanna, company):
    check = steps_to_the_check(hanna, send())
    answer = hanna.post(check, data={"keep_as": "En\0cuesta"}, follow_redirects=True)
    assert "answers of encuesta.csv count from now on." in answer.text
    trato = Touchpoint.get(Touchpoint.name == "Trato")
    assert {tally.item for tally in ExternalTally.select().where(ExternalTally.touchpoint == trato)} == {
        *("overall", "diligence")
    }
    link = TouchpointDepartment.get(TouchpointDepartment.touchpoint == trato)
    assert (link.department, link.weight) == (company.departments["Logistics"], 0.5)
    assert Upload.select().count() == 0
    assert [mapping.key for mapping in KeptMapping.select()] == ["encuesta"]
    assert send(WIDE.replace("5,4", "4,4")).endswith("/check")


def test_the_same_file_again_changes_nothing_and_says_so(send, hanna):
    hanna.post(steps_to_the_check(hanna, send()), data={"keep_as": "Encuesta"})
    again = send()
    assert "was imported before" in hanna.get(again).text
    before = ExternalTally.select().count()
    assert "nothing has changed" in hanna.post(again, data={}, follow_redirects=True).text
    assert ExternalTally.select().count() == before


def test_ambiguous_dates_are_asked_and_never_guessed(send, hanna):
    address = send()
    dates = address.replace("/layout", "/dates")
    page = hanna.get(dates).text
    assert "more than one way" in page
    assert "3 February 2026" in page
    assert "2 March 2026" in page
    assert page.count(" checked") == 0
    assert hanna.get(address.replace("/layout", "/check")).location.endswith("/dates")
    assert step(hanna, dates, date_format="%Y").status_code == 422


def test_a_file_without_dates_asks_for_its_days(send, hanna):
    address = send("Trato,Rapidez\n5,4\n4,3\n").replace("/layout", "/dates")
    for first, last in (("", ""), ("2026-02-02", "2026-02-01"), ("1969-01-01", "2026-02-01"), ("x", "2026-01-01")):
        assert step(hanna, address, **{"from": first, "to": last}).status_code == 422
    assert step(hanna, address, **{"from": "2026-01-01", "to": "2026-01-01"}).location.endswith("/check")


def test_faults_are_named_by_line_and_column_and_nothing_is_stored(send, hanna):
    days = [f"{day}/2/2026" for day in range(1, 21)]
    rows = "Servicio,Fecha,Nota\n" + "".join(f"Tienda,{day},4\nTaller,{day},5\n" for day in days)
    address = send(rows + "Taller,mañana,5\n")
    check = step(hanna, address.replace("/layout", "/dates"), date_format="%d/%m/%Y").location
    page = hanna.get(check).text
    assert "Line 42, column “Fecha”: &#34;mañana&#34; is no date; write it like 31/05/2017." in page
    assert hanna.post(check, data={"keep_as": "Spoiled"}).status_code == 422
    assert ExternalImport.select().count() == KeptMapping.select().count() == 0


def test_faults_are_told_in_the_readers_language(send, hanna, company):
    Person.update(language="es").where(Person.id == company.hanna).execute()
    assert "Línea 2: tiene 1 celdas y la cabecera tiene 2." in send("a,b\n1\n").text


def test_a_workbook_is_read_like_the_csv_file_of_it(send, hanna):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in (["Fecha", "Trato"], [date(2026, 2, 13), 5], [date(2026, 2, 14), 3]):
        book.active.append(row)
    book.save(file)
    page = hanna.get(send(file.getvalue(), "encuesta.xlsx")).text
    assert tables(page)[0][1] == ["2026-02-13", "5"]


def test_a_recommendation_is_left_out_and_the_page_says_why(send, hanna):
    sample = (Path(__file__).parents[1] / "data" / "qualtrics.csv").read_bytes()
    address = send(sample, "q.csv")
    assert "This looks like a file of Qualtrics." in hanna.get(address).text
    columns = hanna.get(address.replace("/layout", "/columns")).text
    assert "never set against a mean" in columns
    assert columns.count('name="rated"') > columns.count(" checked") == 2


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_step_can_be_looked_at_and_changes_nothing(send, hanna, language):
    address = send()
    before = everything()
    for name in ("layout", "columns", "touchpoints", "scale", "dates"):
        assert hanna.get(f"{address.replace('layout', name)}?lang={language}").status_code == 200
    assert everything() == before


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("layout", {"form": "tall", "source": "x"}),
        ("layout", {"form": "wide", "source": "¿?"}),
        ("layout", {"form": "wide", "source": "x" * 81}),
        ("columns", {"rated": []}),
        ("columns", {"rated": ["99"]}),
        ("columns", {"rated": ["0"], "date": "0"}),
        ("columns", {"rated": ["-1", "x", "٣"]}),
        ("columns", {"rated": ["1"], "rows_column": "3", "rows_only": " ; "}),
        ("touchpoints", {}),
        ("touchpoints", {"item-0": "charm", "item-1": "overall"}),
        ("touchpoints", {"item-0": "overall", "item-1": "overall", "department-0-0": "it", "weight-0-0": "0"}),
        ("touchpoints", {"item-0": "overall", "item-1": "overall", "department-0-0": "it", "department-0-1": "it"}),
        ("scale", {"low": "5", "high": "1"}),
        ("scale", {"low": "nan", "high": "inf"}),
        ("scale", {"low": "1", "high": "5", "best": "odd"}),
        ("scale", {"low": "1", "high": "5", **{f"meaning-{place}": "score" for place in range(9)}}),
        ("dates", {}),
    ],
)
def test_what_a_step_does_not_offer_is_refused_and_changes_nothing(send, hanna, name, form):
    address = send().replace("layout", name)
    before = everything()
    answer = step(hanna, address, **form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert everything() == before


def test_words_become_scores(send, hanna):
    address = send("Fecha,Trato\n2026-02-03,Muy bien\n2026-02-03,Mal\n2026-02-04,Muy bien\n")
    at = {name: address.replace("layout", name) for name in ("columns", "touchpoints", "scale", "check")}
    step(hanna, at["columns"], date="0", rated=["1"])
    step(hanna, at["touchpoints"], **{"name-0": "Trato", "item-0": "overall"})
    scale = {"low": "1", "high": "5", "best": "high", "decimal": "."}
    assert "Write which score" in step(hanna, at["scale"], **scale).text
    step(hanna, at["scale"], **scale, **{"score-0": "1", "score-1": "5"})
    assert hanna.post(at["check"], data={}).location == "/hr/external"
    assert sorted(ExternalTally.select(ExternalTally.points, ExternalTally.n).tuples()) == [
        *((0.0, 1), (100.0, 1), (100.0, 1))
    ]


# --- Attacks -------------------------------------------------------------------------------------------------------


def test_somebody_elses_upload_is_nowhere(send, hanna, company, sign_in):
    address = send()
    adam = sign_in(company.adam)
    for page in (address, address.replace("layout", "check")):
        assert adam.get(page).status_code == adam.post(page, data={"form": "wide"}).status_code == 404
    assert adam.post(address.replace("layout", "cancel")).status_code == 404
    assert Upload.select().count() == 1
    assert hanna.post(address.replace("layout", "cancel")).location == "/hr/external"
    assert Upload.select().count() == 0


@pytest.mark.parametrize("name", ["charlie", "alice", "bob"])
def test_nobody_but_hr_uploads_looks_or_undoes(send, company, sign_in, name):
    address = send()
    before = everything()
    person = sign_in(getattr(company, name))
    refused = send(client=person)
    assert refused.status_code == 403
    for page in (address, address.replace("layout", "check"), "/hr/external/imports/1/undo", "/hr/external"):
        assert person.get(page).status_code == person.post(page).status_code == 403
    assert {table: rows for table, rows in everything().items() if table != "Person"} == {
        table: rows for table, rows in before.items() if table != "Person"
    }


@pytest.fixture
def small(monkeypatch):
    """Forms may have a thousand bytes, files two thousand more."""
    monkeypatch.setattr(frame.Limited, "max_content_length", 1000)
    monkeypatch.setattr(frame, "BODY_BYTES", 1000)
    monkeypatch.setattr(intake.upload, "most_bytes", 2000)


def test_a_file_may_be_larger_than_a_form_up_to_its_own_limit(small, send):
    assert isinstance(send("Fecha,a,b\n" + "2026-02-13,1,2\n" * 120), str)
    refused = send("Fecha,a,b\n" + "2026-02-13,1,2\n" * 220)
    assert refused.status_code == 413
    assert "That file is too large" in refused.text
    assert Upload.select().count() == 1


def test_other_pages_and_other_people_still_send_little(small, hanna, send, client):
    assert hanna.post("/hr/external/uploads/0/cancel", data={"x": "x" * 1100}).status_code == 404  # never read
    assert client.post("/login", data={"email": "x" * 1100}).status_code == 413
    assert send("Fecha,a\n" + "2026-02-13,1\n" * 20, client=client) == "/login"
    assert send("Fecha,a\n" + "2026-02-13,1\n" * 120, client=client) == "/login"  # nor is this
    assert Upload.select().count() == 0


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"PK\x03\x04junk", b"one\n", b"a,b\n", b"a,a\n1,2\n", b"\xff\xfe\x00"]
)
def test_what_is_no_file_of_scores_is_refused_and_not_kept(send, content):
    refused = send(content)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert Upload.select().count() == 0


def test_a_fault_of_the_whole_file_begins_with_its_name(send):
    assert "<li>Noten.csv: is empty.</li>" in send("", "Noten.csv").text


def test_no_file_at_all_is_refused(hanna):
    assert hanna.post("/hr/external/uploads", data={}).status_code == 422


def test_hostile_names_are_only_text(send, hanna):
    rows = f'Fecha,"{STRANGE_CSV}","=cmd()"\n2026-02-03,5,4\n2026-02-04,4,2\n'
    address = send(rows, "<script>alert(1)</script>.csv")
    pages = [hanna.get(address.replace("layout", name)).text for name in ("layout", "columns", "touchpoints", "check")]
    hanna.post(address.replace("layout", "check"), data={"keep_as": "<script>alert(2)</script>"})
    pages += [hanna.get("/hr/external").text, hanna.get("/hr/external/imports/1/undo").text]
    assert ExternalImport.select().count() == 1
    assert not [page for page in pages if "<script>alert" in page]


def test_a_mapping_cannot_be_kept_under_a_name_of_other_columns(send, hanna):
    check = steps_to_the_check(hanna, send())
    kept_mappings.keep("Encuesta", uploads.mapping(Upload.select().get()), ["other"], MOMENT)
    answer = hanna.post(check, data={"keep_as": "encuesta"})
    assert answer.status_code == 422
    assert "other columns" in answer.text
    assert ExternalImport.select().count() == 0


# --- Imports and mappings ------------------------------------------------------------------------------------------


def test_an_import_is_undone_after_a_page_that_says_what_goes(send, hanna):
    hanna.post(steps_to_the_check(hanna, send()), data={})
    before = everything()
    page = hanna.get("/hr/external/imports/1/undo").text
    assert "Undo the import of encuesta.csv?" in page
    assert "Trato: 3" in page
    assert everything() == before
    assert hanna.post("/hr/external/imports/1/undo").location == "/hr/external"
    assert ExternalTally.select().count() == ExternalImport.select().count() == 0
    assert hanna.post("/hr/external/imports/1/undo").status_code == 404


def test_the_page_lists_imports_and_what_took_their_place(released, hanna):
    page = hanna.get("/hr/external").text
    assert "customers.csv" in page
    assert f"{ExternalImport.get().answers}" in page


def test_a_kept_mapping_is_forgotten(send, hanna):
    hanna.post(steps_to_the_check(hanna, send()), data={"keep_as": "Encuesta"})
    assert hanna.post("/hr/external/mappings/encuesta/forget").status_code == 302
    assert hanna.post("/hr/external/mappings/encuesta/forget").status_code == 404
    assert KeptMapping.select().count() == 0


# --- In a browser --------------------------------------------------------------------------------------------------


@contextmanager
def signed_in(chromium: Chromium, site: str, person: Person, settings: Settings, scripts: bool) -> Iterator[Page]:
    """Pages of the application in Chromium, as `person`, with scripts or without."""
    with browsing(chromium, size=DESK, base_url=site, java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(f"/login/{sign_in_token(person.id, person.sign_ins, settings)}")
        page.click("main button")
        yield page


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_the_airports_file_goes_from_the_page_to_the_gap(released, company, settings, chromium, site, scripts):
    """By the guided mapping, as HR would, with scripts and without; the counts are those that its makers published."""
    imported = ExternalImport.select().count()
    with signed_in(chromium, site, company.hanna, settings, scripts) as page:
        page.goto("/hr/external")
        page.set_input_files("input[type=file]", AIRPORT)
        page.click(".upload button")
        page.fill("input[name=source]", "Passengers")
        page.click("main form > button")  # layout
        page.click("main form > button")  # columns: one for each service, as guessed
        whole = page.locator("fieldset.touchpoint").filter(has=page.get_by_text("ALL", exact=True))
        whole.locator("select[name^=department]").first.select_option(label="Logistics")
        page.click("main form > button")  # touchpoints
        page.click("main form > button")  # scale: 1 to 5, 0 blank, 6 does not apply
        page.fill("input[name=from]", "2017-05-01")
        page.fill("input[name=to]", "2017-05-31")
        page.click("main form > button")
        row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="ALL", exact=True)).inner_text()
        for counted in ("1: 6", "2: 32", "3: 444", "4: 1,507", "5: 699", "blank: 143"):
            assert counted in row
        assert ExternalImport.select().count() == imported
        page.click("main form > button")
        assert "29,819 answers of sfo-2017-wide.csv count from now on." in page.inner_text("main")
        page.goto("/hr/gap")
        assert "ALL" in page.locator("tr").filter(has_text="Logistics").first.inner_text()
