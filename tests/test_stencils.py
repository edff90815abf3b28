"""Texts with places: what is put in stands there as it is, and nobody's text can hold a place."""

from survey.stencils import MARK, EncodedStencil, Stencil


def test_each_value_stands_in_its_places() -> None:
    stencil = Stencil(["name", "link"], lambda own: f"{own['link']} for {own['name']}: {own['link']}")
    assert stencil.fill({"name": "Ana", "link": "/r/1"}) == "/r/1 for Ana: /r/1"
    assert stencil.fill({"name": "Bo", "link": "/r/2", "more": "unused"}) == "/r/2 for Bo: /r/2"


def test_what_is_put_in_is_read_as_nothing_but_text() -> None:
    stencil = Stencil(["name"], lambda own: f"{{name}} %(name)s {own['name']}.")
    for hostile in (r"\1\g<0>", "{name}%(name)s$name", f"{MARK}name{MARK}", ""):
        assert stencil.fill({"name": hostile}) == f"{{name}} %(name)s {hostile}."


def test_a_text_without_places_stays_as_it_is() -> None:
    assert Stencil([], lambda own: "the same for all").fill({"name": "Ana"}) == "the same for all"


def test_encoded_it_says_the_same() -> None:
    stencil = Stencil(["name", "link"], lambda own: f"¡{own['link']}… para {own['name']}: {own['link']}!")
    own = {"name": f"Begoña {MARK}link{MARK}", "link": "/r/ñ"}
    assert EncodedStencil.of(stencil).fill({name: value.encode() for name, value in own.items()}) == (
        stencil.fill(own).encode()
    )


def written(text: str, *names: str) -> EncodedStencil:
    return EncodedStencil.of(Stencil(names, lambda own: text.format(**own)))


def test_others_stand_in_its_places_with_places_of_their_own() -> None:
    page = written("<{title}: {parts}, {title}{end}>", "title", "parts", "end")
    parts = [written("{a}!", "a"), written("same"), written("{b}{a}", "a", "b")]
    assert page.around({"parts": parts, "end": [written("")]}).fill({"title": b"T", "a": b"1", "b": b"2"}) == (
        b"<T: 1!same21, T>"
    )
    assert page.fill({"title": b"T", "parts": b"-", "end": b"."}) == b"<T: -, T.>", "it stays as it was"
    assert parts[0].renamed({"a": "c", "d": "a"}).fill({"c": b"1"}) == b"1!"
    assert page.around({}).fill({"title": b"T", "parts": b"-", "end": b"."}) == b"<T: -, T.>"
