"""A file of people, brought in on a page: first what it would change, then the deed."""

import io
from datetime import timedelta

import pytest
import time_machine
from openpyxl import Workbook

from survey import erasure
from survey.models import Department, Person, RosterFile
from tests.cast import OPENS
from tests.web.pages import everything, filled, tables

UPLOAD = "/hr/people/file"
PEOPLE = """email,name,department,language,leads,role,salary
charlie@mirror.example,Charles Clark,Legal,en,Legal,,1
nora@mirror.example,Nora <b>New</b>,Research,es,,,2
"""


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(OPENS, tick=False) as clock:
        yield clock


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


@pytest.fixture
def send(hanna):
    """Upload a file; returns the answer."""

    def sent(content: str | bytes, name: str = "people.csv", **fields: str):
        raw = content.encode() if isinstance(content, str) else content
        return hanna.post(UPLOAD, data={"file": (io.BytesIO(raw), name), **fields})

    return sent


def test_a_file_is_shown_before_anything_is_stored(hanna, send):
    before = everything()
    answer = send(PEOPLE)
    page = hanna.get(answer.location).text
    assert {name: rows for name, rows in everything().items() if name != "RosterFile"} == {
        name: rows for name, rows in before.items() if name != "RosterFile"
    }
    changed, added = tables(page)
    assert changed[1][1] == "Name: Charlie Clark → Charles ClarkDepartment: Sales → LegalLeads: nothing → Legal"
    assert added[1][0].startswith("Nora <b>New</b>")
    assert "Nora &lt;b&gt;New" in page
    assert "Columns that are not read: salary." in page
    assert "Research" in page


def test_what_was_seen_is_stored_and_the_file_forgotten(hanna, send):
    where = send(PEOPLE).location
    answer = hanna.post(where, data=filled(hanna.get(where).text), follow_redirects=True)
    assert "Done: 1 people added, 1 changed, 0 made inactive." in answer.text
    assert Person.get(Person.email == "charlie@mirror.example").department.key == "legal"
    assert Department.get(Department.key == "research").active
    assert RosterFile.select().count() == 0
    assert hanna.get(where).status_code == 404


def test_only_a_complete_file_makes_others_inactive_and_names_them(hanna, send):
    page = hanna.get(send(PEOPLE, complete="1").location).text
    assert len(tables(page)[0]) == 1 + 58
    assert "alice@mirror.example" in page
    assert "alice@mirror.example" not in hanna.get(send(PEOPLE).location).text


def test_a_workbook_is_as_good_as_text(hanna, send):
    book, file = Workbook(), io.BytesIO()
    for line in PEOPLE.splitlines():
        book.active.append(line.split(","))
    book.save(file)
    assert "Charles Clark" in hanna.get(send(file.getvalue(), "people.xlsx").location).text


def test_every_fault_is_named_by_line_and_column_in_the_readers_language(hanna, company, send):
    text = "email,name,department,role\nnobody,A,Finance,boss\n<script>,B,Finance,\nnew@x.example,C,Finance,admin\n"
    before = everything()
    answer = send(text)
    assert answer.status_code == 422
    assert tables(answer.text)[0][1:] == [
        ["2", "email", '"nobody" is no e-mail address.'],
        ["2", "role", '"boss" is unknown; write hr, admin or nothing.'],
        ["3", "email", '"<script>" is no e-mail address.'],
    ]
    assert everything() == before
    Person.update(language="es").where(Person.id == company.hanna.id).execute()
    assert "no es una dirección de correo" in send(text).text


def test_a_fault_of_the_whole_file_begins_with_its_name(send):
    assert tables(send("", "Leute.csv").text)[0][1:] == [["", "", "Leute.csv: is empty."]]


@pytest.mark.parametrize("name", ["", "people.csv", "../../etc/passwd", "x.xlsx"])
def test_what_is_no_file_of_people_is_refused(send, name):
    before = everything()
    for content in (b"", b"a\0b", "Número;Nombre\n1;2\n".encode()):
        assert send(content, name).status_code == 422
    assert everything() == before


def test_a_torn_workbook_is_refused_whatever_it_is_called(send):
    before = everything()
    assert send(b"PK\x03\x04 torn", "people.csv").status_code == 422
    assert everything() == before


def test_hr_cannot_make_administrators_by_a_file(hanna, company, send, sign_in):
    text = "email,name,department,role\ncharlie@mirror.example,Charlie,Sales,admin\n"
    assert "only an administrator" in send(text).text
    adam = sign_in(company.adam)
    answer = adam.post(UPLOAD, data={"file": (io.BytesIO(text.encode()), "people.csv")})
    assert answer.status_code == 302


def test_what_somebody_changed_meanwhile_is_shown_anew_and_nothing_is_stored(hanna, send):
    where = send(PEOPLE).location
    form = filled(hanna.get(where).text)
    Person.update(name="Somebody").where(Person.email == "charlie@mirror.example").execute()
    before = everything()
    answer = hanna.post(where, data=form)
    assert answer.status_code == 409
    assert "Somebody has changed people meanwhile" in answer.text
    assert everything() == before
    assert hanna.post(where, data=filled(answer.text)).location == "/hr/people"


def test_a_file_is_seen_by_who_sent_it_alone_and_for_an_hour(hanna, company, send, sign_in, clock):
    where = send(PEOPLE).location
    assert sign_in(company.adam).get(where).status_code == 404
    assert hanna.get(where).status_code == 200
    clock.shift(timedelta(hours=1))
    assert hanna.get(where).status_code == 404


def test_who_is_erased_is_in_no_waiting_file_either(send):
    send(PEOPLE)
    erasure.erase("charlie@mirror.example")
    assert RosterFile.select().count() == 0


def test_the_same_file_again_changes_nothing_and_says_so(hanna, send):
    where = send(PEOPLE).location
    hanna.post(where, data=filled(hanna.get(where).text))
    page = hanna.get(send(PEOPLE).location).text
    assert "Everything in this file is known already" in page
    assert "Take it in" not in page
