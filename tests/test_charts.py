"""Pictures: sound SVG whatever the names, and PNG with its letters."""

import re
import struct
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from survey.charts import (
    DETAIL,
    FONT_SIZE,
    POINTS,
    SMALL,
    WIDTH,
    BarRow,
    DumbbellRow,
    Mark,
    Words,
    bars,
    dumbbells,
    in_two,
    shorten,
    text_width,
    to_png,
)

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(\"x\")</script> & 'Ñ' \x00\x0b\x1b]]>"
ENDS = [(0, (0, 0)), (100, (100, 100)), (50, (0, 100)), (3, None)]
FIELDS = {"x": "x", "x1": "x", "x2": "x", "cx": "x", "y": "y", "y1": "y", "y2": "y", "cy": "y"}


def bar_picture(name: str = "Promises", value: int = 60, interval: tuple[int, int] | None = (50, 70)) -> str:
    return bars(
        [BarRow(name, Mark(value, interval, str(value)), f"{name}: {value}")], Words(f"How {name} serves", "Bars")
    )


def gap_picture(name: str = "Finance", value: int = 60, interval: tuple[int, int] | None = (50, 70)) -> str:
    mark = Mark(value, interval, str(value))
    rows = [
        DumbbellRow(
            name, mark, Mark(100 - value, interval, ""), f"{name}: a gap", link="/hr/departments/finance?a=1&b=2"
        ),
        DumbbellRow(name, mark, None, "no outside"),
        DumbbellRow(name, None, mark, "no inside"),
    ]
    return dumbbells(rows, Words(f"Gap of {name}", "Dumbbells", "Inside", "Outside"))


each_picture = pytest.mark.parametrize("draw", [bar_picture, gap_picture])


def without_letters(svg: str) -> str:
    return re.sub(r"<text.*?</text>", "", svg, flags=re.DOTALL)


def words(root: Element) -> str:
    return " ".join(element.text or "" for element in root.iter(f"{SVG}text"))


@each_picture
def test_a_picture_is_well_formed_and_has_a_title(draw) -> None:
    root = ElementTree.fromstring(draw())
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "group"  # what can be reached in it would be hidden in an image
    assert root.get("aria-label") == root[0].text
    assert root[0].tag == f"{SVG}title"
    assert root[0].text in ("How Promises serves", "Gap of Finance")
    assert (root[1].tag, root[1].text in ("Bars", "Dumbbells")) == (f"{SVG}desc", True)


@each_picture
def test_every_row_tells_in_words_what_it_shows(draw) -> None:
    rows = [group for group in ElementTree.fromstring(draw()).iter(f"{SVG}g") if group.get("class") == "row"]
    assert rows
    assert all(row[0].tag == f"{SVG}title" and row[0].text for row in rows)


@each_picture
def test_a_hostile_name_is_drawn_as_letters(draw) -> None:
    root = ElementTree.fromstring(draw(HOSTILE))
    assert "<script>alert" in words(root)
    assert not list(root.iter(f"{SVG}script"))
    assert to_png(draw(HOSTILE)).startswith(b"\x89PNG")


@each_picture
def test_a_picture_needs_no_inline_style(draw) -> None:
    assert "style=" not in draw()


@each_picture
def test_the_png_has_its_letters(draw) -> None:
    """Without a font the letters would be left out silently, and both pictures would be the same."""
    assert len(to_png(draw())) > len(to_png(without_letters(draw())))


@each_picture
def test_the_png_ends_where_nothing_could_be_told_by_pointing(draw) -> None:
    _, _, across, down = map(int, ElementTree.fromstring(draw()).get("viewBox", "").split())
    width, height = struct.unpack(">II", to_png(draw())[16:24])
    assert height == pytest.approx((down - DETAIL) / across * width, abs=1)


def test_letters_outside_of_ascii_are_drawn() -> None:
    pictures = {to_png(bar_picture(name)) for name in ("", "ñ", "á", "≈", "−", "…")}
    assert len(pictures) == 6


@each_picture
@pytest.mark.parametrize(("value", "interval"), ENDS)
def test_nothing_is_drawn_outside_of_the_picture(draw, value: int, interval: tuple[int, int] | None) -> None:
    root = ElementTree.fromstring(draw("Finance", value, interval))
    left, _, width, height = map(float, (root.get("viewBox") or "").split())
    ends = {"x": (left, left + width), "y": (0, height)}
    for element in root.iter():
        for name, axis in FIELDS.items():
            if (place := element.get(name)) is not None:
                assert ends[axis][0] <= float(place) <= ends[axis][1], (element.tag, element.attrib)
        if element.tag == f"{SVG}rect":
            assert float(element.get("x", 0)) + float(element.get("width", 0)) <= left + width
            assert float(element.get("width", 0)) >= 0


@pytest.mark.parametrize("times", [1, 2, 4, 8])
def test_the_legend_stays_inside_however_long_its_words_are(times: int) -> None:
    signs = "in" * times, "out" * times
    root = ElementTree.fromstring(dumbbells([], Words("Gap", "Dumbbells", *("-".join([sign] * 3) for sign in signs))))
    inside, outside = list(root.iter(f"{SVG}text"))[-2:]
    ends = [float(text.get("x", "")) + text_width(text.text or "", SMALL) for text in (inside, outside)]
    assert max(ends) < WIDTH + 0.1
    is_clear_aside = ends[0] < float(outside.get("x", "")) and inside.get("y") == outside.get("y")
    assert is_clear_aside or float(outside.get("y", "")) - float(inside.get("y", "")) >= SMALL


def test_the_axis_runs_from_0_to_100() -> None:
    assert 0 < POINTS(0) < POINTS(50) < POINTS(100) < WIDTH
    assert POINTS(50) - POINTS(0) == pytest.approx(POINTS(100) - POINTS(50))


def test_a_long_name_is_cut_and_told_in_full() -> None:
    name = "Department of Everything Else that there is"
    root = ElementTree.fromstring(bar_picture(name))
    assert shorten(name).endswith("…")
    names = [element.text for element in root.iter(f"{SVG}text") if element.get("font-size") == str(FONT_SIZE)]
    assert shorten(name) in names
    assert name not in names
    assert name in "".join(root.itertext())


LONG = ["Recursos Humanos y Nóminas", "ATENCIÓN AL CLIENTE Y MANTENIMIENTO", "W" * 40, "Å" * 40, "i" * 60]


@pytest.mark.parametrize("name", [*LONG, "Responde con diligencia", "Atención al Cliente"])
def test_a_name_ends_before_the_bars_begin(name: str) -> None:
    root = ElementTree.fromstring(bar_picture(name))
    root.set("viewBox", f"{POINTS(0)} 0 {WIDTH - POINTS(0)} 80")  # only what is right of the names
    beside = to_png(without_bars(root))
    (label, _detail) = (element for element in root.iter(f"{SVG}text") if element.get("x") == "0")
    label.text = ""
    assert beside == to_png(without_bars(root))


def without_bars(root: Element) -> str:
    return re.sub(r"<(ns0:)?(rect|line)[^>]*>", "", ElementTree.tostring(root, "unicode"))


@pytest.mark.parametrize("name", ["Responde con diligencia", "Atención al Cliente", "Takes criticism", "Acts promptly"])
def test_a_name_that_has_room_is_drawn_whole(name: str) -> None:
    assert shorten(name) == name


def test_what_a_mark_says_takes_two_lines_where_one_is_too_short() -> None:
    said = "Customer Service: inside 71 (61 to 81), outside 75 (74 to 77). Not enough answers"
    lines = in_two(said)
    assert " ".join(lines) == said
    assert all(text_width(line, SMALL) <= WIDTH for line in lines)
    assert in_two("Finance: 60") == ("Finance: 60", "")


@pytest.mark.parametrize("text", ["", "W" * 200, "word " * 200, "W" * 200 + " and more", "a " + "W" * 200])
def test_two_lines_never_leave_the_picture(text: str) -> None:
    assert all(text_width(line, SMALL) <= WIDTH for line in in_two(text))
