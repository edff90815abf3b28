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
from survey.web.answer_form import AnswerForm, Fault, no_kind
from survey.web.frame import reader_language
from survey.web.parts import encoded, parts

Own = Mapping[str, str | bytes]  # what is one reader's alone, by its place in a template


def draft(asked: Questions) -> str:
    """The name under which a device keeps what was filled in: it leads nobody back to the link."""
    return hashlib.sha256(f"draft {asked.invitation_id}".encode()).hexdigest()[:16]


class _Parts:
    """Parts in the reader's language, each named for its template: rendered once, and put together once for all alike.

    A key holds all that the part tells, but for what is one reader's own: that has a place, whose name it holds.
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
        _rendered("provider", {_code(place): page.code()}, {**shared, "page": page, "place": place})
        for place, page in enumerate(form.pages, 1)
    ]
    offered = [_option(department).decode() for department in form.offered]
    return _rendered("questions", own | {"sections": _joined(sections), "offered": _joined(offered)}, shared)


def _blank(own: Own, shared: Mapping[str, Any], form: AnswerForm, since: SinceLastTime | None) -> bytes:
    """The page as many are shown it: only what is the reader's own is not remembered."""
    asked, kept = form.asked, _Parts()
    wave, questionnaire = asked.wave, shared["questionnaire"]
    told = (questionnaire, wave.closes_at, asked.pulse.timezone, wave.min_group, asked.noticeable)

    def compose(values: Mapping[str, bytes]) -> EncodedStencil:
        pages = len(form.pages)
        inner = {
            "sections": [
                kept.part(
                    *("provider", questionnaire, shared["total"], page.provider, page.given),
                    names=[_code(place)],
                    page=page,
                    place=place,
                    **shared,
                )
                for place, page in enumerate(form.pages, 1)
            ]
        }
        if since:
            inner["since"] = [kept.part("since", since.told, names=values.keys() & {"reader"}, since=since)]
        return kept.part("questions", *told, pages, names=[*values, *inner], **shared).around(inner)

    return kept.page(
        *("questions", *told, asked.providers, form.given, since and since.told),
        own={
            **own,
            "offered": _options_without(asked.not_addable),
            "reader": _reader(asked),
            **{_code(place): page.code().encode() for place, page in enumerate(form.pages, 1)},
        },
        compose=compose,
    )


def _code(place: int) -> str:
    """The name of the code that a section, counted from 1, would have for its receipt."""
    return f"code{place}"


def _option(department: Named) -> bytes:
    """A department among those that may be added."""
    key = ("option", department.id, department.name)
    return parts().part(key, (), lambda _: _rendered("option", {}, {"department": department})).fill({})


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
    kept = _Parts()
    told = None if back is None else tuple(row.told for row in back)

    def compose(values: Mapping[str, bytes]) -> EncodedStencil:
        inner = {}
        if glass:
            inner["glass"] = [kept.part("glass", glass.told, names=["token"], glass=glass)]
        if back is not None:
            inner["back"] = [kept.part("back", told, names=values.keys() & {"reader"}, back=back)]
        names = [*values, *inner]
        page = kept.part("received", is_first, is_repeated, names=names, first_time=is_first, repeated=is_repeated)
        return page.around(inner)

    own = {
        "draft": draft(asked),
        "receipts": _receipts(receipts),
        "token": (this_request().view_args or {})["token"],
        "reader": _reader(asked),
    }
    return kept.page("received", is_first, is_repeated, glass and glass.told, told, own=own, compose=compose)


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
