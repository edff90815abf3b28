"""The pages of questions and of thanks: what reads alike for many is rendered once, what is one reader's is put in."""

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from flask import render_template, request
from markupsafe import Markup

from survey import responses, wording
from survey.commitments import CommitmentRow
from survey.mirrors import Glass
from survey.people import Named
from survey.questionnaire import Questionnaire
from survey.receipts import Taken
from survey.responses import Questions
from survey.returns import SinceLastTime
from survey.signing import reader_token
from survey.web.access import form_key, settings
from survey.web.answer_form import AnswerForm, Fault, Page
from survey.web.parts import MOST_PARTS, Parts, parts


def draft(asked: Questions) -> str:
    """The name under which a device keeps what was filled in: it leads nobody back to the link."""
    return hashlib.sha256(f"draft {asked.invitation_id}".encode()).hexdigest()[:16]


def questions(
    asked: Questions,
    questionnaire: Questionnaire,
    form: AnswerForm,
    faults: Sequence[Fault] = (),
    since: SinceLastTime | None = None,
) -> str:
    """A section for each department, after what has changed and before those that may be added."""
    total = len(form.pages) + bool(form.notices)
    language = wording.language()
    kept = parts()
    sections = [_section(kept, page, questionnaire, language, place, total) for place, page in enumerate(form.pages, 1)]
    own = {
        "draft": draft(asked),
        "form_key": form_key(),
        "address": request.path,
        "name": wording.masked(asked.person) if asked.person else "",
        "reader": _reader(asked),
        "sections": Markup("\n".join(sections)),  # noqa: S704
        "offered": Markup("".join(map(_option, form.offered))),  # noqa: S704
    }
    shared = {"asked": asked, "questionnaire": questionnaire, "answer_form": form, "faults": faults, "since": since}
    if request.method == "POST":
        return _rendered("questions", own, total=total, **shared)
    wave = asked.wave
    return kept.filled(
        *("questions", language, questionnaire, form.minutes, total),
        *(wave.closes_at, asked.pulse.timezone, wave.min_group, since and since.told, *asked.noticeable),
        own=own,
        write=lambda places: _rendered("questions", places, total=total, **shared),
    )


def _section(kept: Parts, page: Page, questionnaire: Questionnaire, language: str, place: int, total: int) -> Markup:
    """What is asked about one department, as it was filled in."""
    own = {"code": page.code_offered}
    shared = {"page": page, "questionnaire": questionnaire, "place": place, "total": total}
    if not page.is_blank:
        return Markup(_rendered("provider", own, **shared))  # noqa: S704
    return kept.filled(
        *("section", language, questionnaire, page.provider, page.given, place, total),
        own=own,
        write=lambda places: _rendered("provider", places, **shared),
    )


@lru_cache(maxsize=MOST_PARTS)
def _option(department: Named) -> str:
    """A department among those that may be added, which every page lists."""
    return _rendered("option", {}, department=department)


def received(
    asked: Questions,
    receipts: Sequence[Taken],
    back: Sequence[CommitmentRow] | None,
    glass: Glass | None,
    *,
    is_first: bool,
    is_repeated: bool,
) -> str:
    """Thanks, and what is given in return: receipts, what was promised, a word about one's own department."""
    own = {
        "draft": draft(asked),
        "receipts": _receipts(receipts),
        "reader": _reader(asked),
        "token": (request.view_args or {})["token"],
    }
    shared = {"back": back, "glass": glass, "first_time": is_first, "repeated": is_repeated}
    told: tuple[Hashable, ...] = (
        None if back is None else tuple(row.told for row in back),
        glass and (glass.department.name, glass.lead, glass.is_open, glass.mirrored),
    )
    return parts().filled(
        *("received", wording.language(), request.method, is_first, is_repeated, *told),
        own=own,
        write=lambda places: _rendered("received", places, **shared),
    )


def _receipts(receipts: Sequence[Taken]) -> str:
    if not receipts:
        return ""
    return Markup(_rendered("receipts", {}, receipts=receipts, address=settings().address))  # noqa: S704


def _reader(asked: Questions) -> str:
    """The key to all that departments have done; empty once the person is forgotten."""
    return reader_token(asked.person_id, settings()) if asked.person_id is not None else ""


def _rendered(name: str, own: Mapping[str, str], **shared: Any) -> str:
    return render_template(
        f"respond/{name}.html",
        own=own,
        draft=own.get("draft"),
        characters=responses.COMMENT_CHARACTERS,
        **shared,
    )
