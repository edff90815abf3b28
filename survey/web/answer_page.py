"""The pages of questions and of thanks: what reads alike for many is rendered once, what is one reader's is put in."""

import hashlib
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

from flask import render_template
from markupsafe import Markup

from survey import people, responses, wording
from survey.commitments import CommitmentRow
from survey.mirrors import Glass
from survey.moments import once_a_moment
from survey.people import Named
from survey.questionnaire import Questionnaire
from survey.receipts import Taken
from survey.responses import Questions
from survey.returns import SinceLastTime
from survey.signing import reader_token
from survey.stencils import EncodedStencil
from survey.web.access import form_key, settings, this_request
from survey.web.answer_form import AnswerForm, Fault, Page, no_kind
from survey.web.frame import reader_language
from survey.web.parts import encoded, parts

Own = Mapping[str, str | bytes]  # what is one reader's alone, by its place in a template


def draft(asked: Questions) -> str:
    """The name under which a device keeps what was filled in: it leads nobody back to the link."""
    return hashlib.sha256(f"draft {asked.invitation_id}".encode()).hexdigest()[:16]


class _Composer:
    """Pages in the reader's language, put together once for all readers to whom they read alike.

    Their parts, each named for its template, are rendered once. A key holds all that a part tells, but for what is one
    reader's own: of that it holds the names of its places.
    """

    def __init__(self) -> None:
        self._kept, self._language = parts(), reader_language()

    def part(self, template: str, *key: Hashable, names: Collection[str] = (), **shared: Any) -> EncodedStencil:
        """A part with places of these names, rendered around them from what is `shared`."""
        whole = (template, self._language, *key, *names)
        return self._kept.part(whole, names, lambda places: _rendered(template, places, shared))

    def page(self, *key: Hashable, own: Own, compose: Callable[[Mapping[str, bytes]], EncodedStencil]) -> bytes:
        """A page of parts, with what is the reader's own in its places."""
        values = encoded(own)
        whole = (self._language, *key, *values)
        return self._kept.pages.get(whole, lambda: compose(values)).fill(values)


def questions(
    asked: Questions,
    questionnaire: Questionnaire,
    form: AnswerForm,
    faults: Sequence[Fault] = (),
    since: SinceLastTime | None = None,
) -> str | bytes:
    """A section for each department, after what has changed and before those that may be added."""
    incoming = this_request()
    own = {
        "draft": draft(asked),
        "form_key": form_key(incoming),
        "address": incoming.path,
        "name": wording.masked(asked.person) if asked.person else "",
    }
    shared = {
        "asked": asked,
        "questionnaire": questionnaire,
        "answer_form": form,
        "total": len(form.pages) + bool(form.notices),
    }
    if incoming.method == "POST":
        return _as_sent(own, shared | {"faults": faults}, form)
    return _blank(own, shared, form, since)


def _as_sent(own: dict[str, str], shared: Mapping[str, Any], form: AnswerForm) -> str:
    """The page with what was filled in, which is nobody else's."""
    sections = [
        _rendered("provider", {"code": page.code(), "number": str(number)}, {**shared, "page": page})
        for number, page in enumerate(form.pages, 1)
    ]
    offered = [_option(department).decode() for department in form.offered]
    return _rendered("questions", own | {"sections": _joined(sections), "offered": _joined(offered)}, shared)


def _blank(own: Own, shared: Mapping[str, Any], form: AnswerForm, since: SinceLastTime | None) -> bytes:
    """The page as many are shown it: only what is the reader's own is not remembered."""
    asked, composer = form.asked, _Composer()
    wave, questionnaire = asked.wave, shared["questionnaire"]
    frame = (questionnaire, wave.closes_at, asked.pulse.timezone, wave.min_group, asked.noticeable)

    def section(number: int, page: Page) -> EncodedStencil:
        key = ("provider", questionnaire, shared["total"], page.provider, page.given)
        found = composer.part(*key, names=["code", "number"], page=page, **shared)
        return found.around({"number": [EncodedStencil([b"%d" % number], [])]}).renamed({"code": _code(number)})

    def compose(values: Mapping[str, bytes]) -> EncodedStencil:
        inner = {"sections": [section(number, page) for number, page in enumerate(form.pages, 1)]}
        if since:
            inner["since"] = [composer.part("since", since.told, names=values.keys() & {"reader"}, since=since)]
        return composer.part("questions", *frame, len(form.pages), names=[*values, *inner], **shared).around(inner)

    return composer.page(
        *("questions", *frame, asked.providers, form.given, since and since.told),
        own={
            **own,
            "offered": _options_without(asked.not_addable),
            "reader": _reader(asked),
            **{_code(number): page.code().encode() for number, page in enumerate(form.pages, 1)},
        },
        compose=compose,
    )


def _code(number: int) -> str:
    """The name of the code that a section, counted from 1, would have for its receipt."""
    return f"code{number}"


def _option(department: Named) -> bytes:
    """A department among those that may be added."""
    key = (department.id, department.name)
    return parts().options.get(key, lambda: _rendered("option", {}, {"department": department}).encode())


def _options_without(left_out: Iterable[int | None]) -> bytes:
    """All departments but some, as pages list them: what is left out is cut from the whole, as it is little."""
    whole, places = _options()
    kept, done = [], 0
    for start, end in sorted(places[department] for department in left_out if department in places):
        kept.append(whole[done:start])
        done = end
    return b"".join([*kept, whole[done:]])


@once_a_moment
def _options() -> tuple[bytes, dict[int | None, tuple[int, int]]]:
    """Every department in UTF-8, one after the other, and where each of them stands."""
    written = {department.id: _option(department) for department in people.active().values()}
    ends = list(accumulate(map(len, written.values()), initial=0))
    return b"".join(written.values()), dict(zip(written, pairwise(ends), strict=True))


def received(
    asked: Questions,
    receipts: Sequence[Taken],
    back: Sequence[CommitmentRow] | None,
    glass: Glass | None,
    *,
    is_first: bool,
    is_repeated: bool,
) -> bytes:
    """Thanks, and what is given in return: receipts, what was promised, a word about one's own department."""
    composer = _Composer()
    told = None if back is None else tuple(row.told for row in back)

    def compose(values: Mapping[str, bytes]) -> EncodedStencil:
        inner = {}
        if glass:
            inner["glass"] = [composer.part("glass", glass.told, names=["token"], glass=glass)]
        if back is not None:
            inner["back"] = [composer.part("back", told, names=values.keys() & {"reader"}, back=back)]
        names = [*values, *inner]
        page = composer.part(
            *("received", is_first, is_repeated), names=names, first_time=is_first, repeated=is_repeated
        )
        return page.around(inner)

    own = {
        "draft": draft(asked),
        "receipts": _receipts(receipts),
        "token": (this_request().view_args or {})["token"],
        "reader": _reader(asked),
    }
    return composer.page("received", is_first, is_repeated, glass and glass.told, told, own=own, compose=compose)


def _joined(rendered: Iterable[str]) -> Markup:
    return Markup("\n".join(rendered))  # noqa: S704


def _receipts(receipts: Sequence[Taken]) -> bytes:
    if not receipts:
        return b""
    return _rendered("receipts", {}, {"receipts": receipts, "address": settings().address}).encode()


def _reader(asked: Questions) -> str:
    """The key to all that departments have done; empty once the person is forgotten."""
    return reader_token(asked.person_id, settings()) if asked.person_id is not None else ""


def _rendered(name: str, own: Own, shared: Mapping[str, Any]) -> str:
    return render_template(
        f"respond/{name}.html",
        own=own,
        draft=own.get("draft"),
        characters=responses.COMMENT_CHARACTERS,
        no_kind=no_kind(),
        **shared,
    )
