"""Parts of pages that are rendered once: by all that they are made of, and never what is one reader's own."""

from collections.abc import Mapping

from survey.stencils import EncodedStencil
from survey.web import parts
from survey.web.parts import Kept, Parts, encoded


def test_a_part_is_rendered_once_for_each_key() -> None:
    found, rendered = Parts(), []

    def render(_own: Mapping[str, str]) -> str:
        rendered.append(1)
        return str(len(rendered))

    keys = ("thanks", "es"), ("thanks", "es"), ("thanks", "en")
    assert [found.part(key, [], render).fill({}) for key in keys] == [b"1", b"1", b"2"]


def test_what_is_kept_does_not_grow_without_end() -> None:
    found = Kept[int](most=3)
    for number in range(10):
        assert found.get(("part", number), lambda number=number: number) == number
    assert len(found._found) <= 3


def test_pages_go_with_the_parts_that_they_were_made_of(monkeypatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 1)
    found, made = Parts(), []

    def page() -> EncodedStencil:
        part = found.part(("part",), [], lambda _: "text")
        return found.pages.get(("page",), lambda: made.append(part) or part)

    assert page() is page() is made[0]
    found.part(("another",), [], lambda _: "")
    assert page() is made[1] is not made[0]


def test_what_is_the_readers_own_is_put_in_each_time_and_escaped() -> None:
    found, written = Parts(), []

    def write(own: Mapping[str, str]) -> str:
        written.append(own)
        return f"<p title='{own.get('name', '')}'>{own['code']} {own.get('name', 'nobody')} {own['part']}</p>"

    def page(name: str, code: str) -> str:
        values = encoded({"name": name, "code": code, "part": b"<b>&amp;\xc3\xb1</b>"})
        return found.part(("page", "es", *values), values, write).fill(values).decode()

    assert page("Ana", "1") == "<p title='Ana'>1 Ana <b>&amp;ñ</b></p>"
    assert page("<'&\\1%(x)s{y}$z", "2") == (
        "<p title='&lt;&#39;&amp;\\1%(x)s{y}$z'>2 &lt;&#39;&amp;\\1%(x)s{y}$z <b>&amp;ñ</b></p>"
    )
    assert page("", "3") == "<p title=''>3 nobody <b>&amp;ñ</b></p>", "what is empty decides what else is written"
    assert len(written) == 2
    assert page("Ana", "4") == "<p title='Ana'>4 Ana <b>&amp;ñ</b></p>"
    assert not any("Ana" in own.values() for own in written), "nobody's own is kept"
