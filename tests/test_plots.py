"""Pictures in a field: days as far apart as they are, broken lines, names that do not overlap."""

import random
import re
from datetime import date
from itertools import pairwise
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from survey.charts import WIDTH, Mark, Words, to_png
from survey.plots import Box, Corners, Moment, Spot, place_names, quadrant, span, trend_line

SVG = "{http://www.w3.org/2000/svg}"
WORDS = Words("Over time", "A mark for each wave", "Inside", "Outside")
HOSTILE = "<script>alert(\"x\")</script> & 'Ñ' \x00\x0b]]>"


def moment(day: date, inside: int | None, outside: int | None = None, name: str = "") -> Moment:
    def mark(value: int | None) -> Mark | None:
        return None if value is None else Mark(value, (max(0, value - 4), min(100, value + 4)), str(value))

    return Moment(day, name or f"{day:%d %b %Y}", mark(inside), mark(outside), f"{day}: {inside}, {outside}")


def quarters(*values: int | None) -> list[Moment]:
    return [moment(date(2024 + place // 4, 1 + 3 * (place % 4), 7), value) for place, value in enumerate(values)]


def lines(root: Element, kind: str) -> list[list[tuple[float, float]]]:
    found = [element for element in root.iter(f"{SVG}polyline") if element.get("class") == kind]
    return [[tuple(map(float, point.split(","))) for point in line.get("points", "").split()] for line in found]


def inside_places(root: Element) -> list[float]:
    return [float(element.get("cx", 0)) for element in root.iter(f"{SVG}circle")][1:]  # the first is the legend's


def drawn(moments: list[Moment]) -> Element:
    return ElementTree.fromstring(trend_line(moments, WORDS))


def test_days_lie_as_far_apart_as_they_are() -> None:
    days = [date(2026, 1, 1), date(2026, 1, 11), date(2026, 2, 10)]
    first, second, third = inside_places(drawn([moment(day, 50) for day in days]))
    assert third - second == pytest.approx(3 * (second - first), abs=0.3)


def test_the_line_is_broken_where_nothing_is_known() -> None:
    root = drawn(quarters(50, 52, None, 54, 56, None, 58))
    assert [len(line) for line in lines(root, "inside")] == [2, 2]
    assert len(inside_places(root)) == 5
    assert lines(root, "outside") == []


def test_inside_and_outside_are_two_lines_on_one_axis() -> None:
    root = drawn([moment(date(2025, month, 1), 40 + month, 80 - month) for month in range(1, 7)])
    (inside,), (outside,) = lines(root, "inside"), lines(root, "outside")
    assert all(below[1] > above[1] for below, above in zip(inside, outside, strict=True))
    assert [x for x, _ in inside] == [x for x, _ in outside]


@pytest.mark.parametrize("days", [[], [date(2026, 1, 1)], [date(2026, 1, 1)] * 2])
def test_few_moments_are_drawn_too(days: list[date]) -> None:
    root = drawn([moment(day, 60) for day in days])
    assert len(inside_places(root)) == len(days)
    assert all(0 < place < WIDTH for place in inside_places(root))


def test_the_names_of_days_never_touch_and_the_latest_is_always_told() -> None:
    root = drawn([moment(date(2026, 1, day), 60, name="31 sept 2026") for day in range(1, 30)])
    names = [element for element in root.iter(f"{SVG}text") if element.text == "31 sept 2026"]
    places = sorted(float(name.get("x", 0)) for name in names)
    assert max(places) > WIDTH - 60
    assert min(later - earlier for earlier, later in pairwise(places)) > 70


@pytest.mark.parametrize(
    ("values", "ends"),
    [([58, 72], (25, 75)), ([3, 97], (0, 100)), ([0], (0, 50)), ([100], (50, 100)), ([50], (0, 50)), ([], (0, 100))],
)
def test_an_axis_holds_its_values_and_is_never_short(values: list[int], ends: tuple[int, int]) -> None:
    assert span(values) == ends


def test_a_moment_says_what_it_shows_to_those_who_cannot_see_it() -> None:
    marks = [group for group in drawn(quarters(50, 60)).iter(f"{SVG}g") if group.get("class") == "mark"]
    assert [(mark.get("aria-label"), mark.get("tabindex")) for mark in marks] == [
        ("2024-01-07: 50, None", "0"),
        ("2024-04-07: 60, None", "0"),
    ]


def test_details_are_hidden_until_they_are_pointed_at() -> None:
    details = [group for group in drawn(quarters(50, 60)).iter(f"{SVG}g") if group.get("class") == "detail"]
    assert [detail.get("visibility") for detail in details] == ["hidden"] * 2
    assert to_png(trend_line(quarters(50, 60), WORDS)) == to_png(
        re.sub(r'<g class="detail".*?</g>', "", trend_line(quarters(50, 60), WORDS), flags=re.DOTALL)
    )


def test_a_hostile_name_is_drawn_as_letters() -> None:
    picture = trend_line([moment(date(2026, 1, 1), 60, name=HOSTILE)], Words(HOSTILE, HOSTILE, HOSTILE, HOSTILE))
    assert not list(ElementTree.fromstring(picture).iter(f"{SVG}script"))
    assert to_png(picture).startswith(b"\x89PNG")
    assert "style=" not in picture


# --- Inside × outside ----------------------------------------------------------------------------------------------

FIELD = Box(36, 34, WIDTH, 424)
CORNERS = Corners("Façade", "Both well", "Both badly", "Inward", inside=60, outside=65)


@pytest.mark.parametrize(("number", "seed"), [(2, 0), (12, 1), (12, 2), (60, 3), (60, 4)])
def test_names_touch_neither_each_other_nor_a_mark_nor_the_edge(number: int, seed: int) -> None:
    chance = random.Random(seed)
    centres = tuple((chance.uniform(40, WIDTH - 4), chance.uniform(40, 420)) for _ in range(number))
    corner = Box(40, 40, 90, 54)
    placed = place_names(tuple(f"Department {place}" for place in range(number)), centres, FIELD, (corner,))
    boxes = [found[1] for found in placed if found]
    assert len(boxes) >= min(number, 20)
    for place, box in enumerate(boxes):
        assert FIELD.holds(box)
        assert not box.touches(corner)
        assert not any(box.touches(other) for other in boxes[place + 1 :])
        assert not any(box.left < x < box.right and box.top < y < box.bottom for x, y in centres)


def test_names_of_marks_in_one_place_are_all_beside_it_while_there_is_room() -> None:
    placed = place_names(("Finance", "IT", "Sales", "Legal"), ((250.0, 200.0),) * 4, FIELD, ())
    assert all(placed)


def spot(name: str, inside: int, outside: int) -> Spot:
    return Spot(name, Mark(inside, (inside - 3, inside + 3), ""), Mark(outside, (outside - 3, outside + 3), ""), name)


def test_the_square_has_four_named_corners_and_parts_at_the_means() -> None:
    root = ElementTree.fromstring(quadrant([spot("Sales", 48, 79), spot("Finance", 68, 54)], CORNERS, WORDS))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"Façade", "Both well", "Both badly", "Inward", "Sales", "Finance"} <= set(texts)
    marks = {mark.get("aria-label"): mark for mark in root.iter(f"{SVG}g") if mark.get("class") == "mark"}
    (upright,) = [
        line
        for line in root.findall(f"{SVG}line")
        if line.get("class") == "inside" and line.get("x1") == line.get("x2")
    ]
    places = {name: float(next(mark.iter(f"{SVG}circle")).get("cx", 0)) for name, mark in marks.items()}
    assert places["Sales"] < float(upright.get("x1", 0)) < places["Finance"]


def test_a_square_of_hostile_names_is_sound() -> None:
    picture = quadrant([spot(HOSTILE, 50, 50)], CORNERS, Words(HOSTILE, HOSTILE, HOSTILE, HOSTILE))
    assert not list(ElementTree.fromstring(picture).iter(f"{SVG}script"))
    assert to_png(picture).startswith(b"\x89PNG")
