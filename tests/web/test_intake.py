"""What customers say, brought in by HR: what touchpoints count for."""

import pytest
import time_machine

from survey.models import Department, Touchpoint, TouchpointDepartment
from tests.cast import OPENS
from tests.web.pages import everything

MOMENT = OPENS + 3600


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
    assert hanna.get("/hr/external").text.count("selected value") >= len(everyone)


def test_what_a_touchpoint_counts_for_shows_on_the_gap_page(mapping, hanna):
    assert "Shop" not in hanna.get("/hr/gap").text
    mapping(("Logistics", "1"))
    assert "Shop" in hanna.get("/hr/gap").text
