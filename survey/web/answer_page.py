"""The pages of questions and of thanks: what reads alike for many is rendered once, what is one reader's is put in."""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
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
from survey.web.access import form_key, settings, this_request
from survey.web.answer_form import AnswerForm, Fault, no_kind
from survey.web.frame import reader_language
from survey.web.parts import parts

Own = Mapping[str, str | bytes]  # what is one reader's alone, by its place in a template


def draft(asked: Questions) -> str:
    """The name under which a device keeps what was filled in: it leads nobody back to the link."""
    return hashlib.sha256(f"draft {asked.invitation_id}".encode()).hexdigest()[:16]


class _Filler:
    """Parts in the reader's language, each named for its template: rendered once, then filled in."""

    def __init__(self) -> None:
        self._kept, self._language = parts(), reader_language()

    def __call__(self, template: str, *key: Hashable, own: Own, **shared: Any) -> bytes:
        """`key`: all that `shared` tells; `own` is what the reader alone is told."""
        return self._kept.filled(
            *(template, self._language, *key), own=own, write=lambda own: _rendered(template, own, shared)
        )


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
    return _blank(own, shared, asked, form, since)


def _as_sent(own: dict[str, str], shared: Mapping[str, Any], form: AnswerForm) -> str:
    """The page with what was filled in, which is nobody else's."""
    sections = [
        _rendered("provider", {"code": page.code(), "place": str(place)}, {**shared, "page": page})
        for place, page in enumerate(form.pages, 1)
    ]
    offered = map(_option, form.offered)
    return _rendered("questions", own | {"sections": _joined(sections), "offered": _joined(offered)}, shared)


def _blank(
    own: Own, shared: Mapping[str, Any], asked: Questions, form: AnswerForm, since: SinceLastTime | None
) -> bytes:
    """The page as many are shown it: only what is the reader's own is not remembered."""
    fill, wave = _Filler(), asked.wave
    alike = (shared["questionnaire"], shared["total"])
    sections = [
        fill(
            *("provider", *alike, page.provider, page.given),
            own={"code": page.code().encode(), "place": b"%d" % place},
            page=page,
            **shared,
        )
        for place, page in enumerate(form.pages, 1)
    ]
    told = fill("since", since.told, own={"reader": _reader(asked)}, since=since) if since else b""
    return fill(
        *("questions", *alike, form.minutes),
        *(wave.closes_at, asked.pulse.timezone, wave.min_group, *asked.noticeable),
        own={
            **own,
            "since": told,
            "sections": b"\n".join(sections),
            "offered": _options_without(asked.not_addable),
        },
        **shared,
    )


def _option(department: Named) -> str:
    """A department among those that may be added."""
    return _rendered("option", {}, {"department": department})


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
    written = {department.id: _option(department).encode() for department in people.active().values()}
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
    fill = _Filler()
    own: dict[str, str | bytes] = {"draft": draft(asked), "receipts": _receipts(receipts)}
    if glass:
        told = (glass.department.name, glass.lead, glass.is_open, glass.mirrored)
        own["glass"] = fill("glass", *told, own={"token": (this_request().view_args or {})["token"]}, glass=glass)
    if back is not None:
        own["back"] = fill("back", *[row.told for row in back], own={"reader": _reader(asked)}, back=back)
    return fill("received", is_first, is_repeated, own=own, first_time=is_first, repeated=is_repeated)


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
