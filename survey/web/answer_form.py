"""What the answer page asks and what was filled in: a page for each department, asked about or added, and notices."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from survey import receipts, responses
from survey.measure.scale import COMMENT_KINDS, MISSING_REASONS, OVERALL, SCORES
from survey.notices import Question
from survey.people import Named
from survey.questionnaire import Questionnaire
from survey.receipts import is_code, new_code
from survey.responses import WITH_RECEIPT, Answer, Questions

CANNOT_SAY = "na"
ANSWERS = {*map(str, SCORES), CANNOT_SAY}
REASONS = {*MISSING_REASONS, CANNOT_SAY}
NOTICED, NOT_YET = "yes", "not-yet"
NOT_TICKED = (None, "", "false")  # what a box says that is not ticked

# Buttons that change the page and send nothing: add a department, take one off again, read in another language.
OTHER_BUTTONS = {"adding", "remove", "switch"}


class Fault(NamedTuple):
    field: str  # the id of the place that it leads to
    text: str
    about: str = ""  # the department's name


def as_typed(text: str | None) -> str:
    """What was typed, with plain line ends, and without NUL, which PostgreSQL does not take."""
    return (text or "").replace("\r\n", "\n").replace("\0", "").strip()


@dataclass(slots=True)
class Field:
    """One field as it was sent, and what is wrong with it."""

    name: str
    data: Any
    errors: list[str] = field(default_factory=list)


class AboutProvider:
    """What was sent about one provider: the items of the questionnaire, and the rest.

    Three of these make an answer; a library's forms, which can do much more, took a fifth of the time it takes.
    """

    def __init__(self, sent: Mapping[str, str], prefix: str, items: Sequence[str]) -> None:
        def given(name: str) -> Field:
            return Field(f"{prefix}{name}", sent.get(f"{prefix}{name}"))

        self._items = items
        self.no_dealings, self.receipt = given("no_dealings"), given("receipt")
        self.missing, self.comment, self.kind, self.code = map(given, ("missing", "comment", "kind", "code"))
        self.by_item = {key: given(key) for key in items}
        for box in (self.no_dealings, self.receipt):
            box.data = box.data not in NOT_TICKED
        self.comment.data = as_typed(self.comment.data)
        if not self.code.data or not is_code(self.code.data):
            self.code.data = new_code()  # it travels with the form, so whoever sends twice is shown the same one again

    def __getitem__(self, item: str) -> Field:
        return self.by_item[item]

    def faulty(self) -> list[Field]:
        """The fields that cannot be stored as they are, with what is wrong with each."""
        _must_be_offered(self.missing, REASONS)
        if len(self.comment.data) > responses.COMMENT_CHARACTERS:
            self.comment.errors = [_("At most %(max)d characters, please.", max=responses.COMMENT_CHARACTERS)]
        elif self.comment.data and not self.kind.data:
            self.comment.errors = [_("Say whether this is thanks, a complaint or a suggestion.")]
        _must_be_offered(self.kind, COMMENT_KINDS)
        for found in self.by_item.values():
            _must_be_offered(found, ANSWERS)
        return [found for found in (self.missing, self.comment, self.kind, *self.by_item.values()) if found.errors]


def _must_be_offered(chosen: Field, offered: Collection[str]) -> None:
    """One of the answers offered, or none."""
    if chosen.data and chosen.data not in offered:
        chosen.errors = [_("This is not one of the answers offered.")]


@dataclass
class Page:
    """The part of the answer page about one provider, which a phone shows by itself."""

    provider: Named
    items: tuple[str, ...]
    sent: Mapping[str, str]
    added: bool = False
    given: str | None = None  # the overall score, as the mail's link gave it

    @cached_property
    def form(self) -> AboutProvider:
        """What was filled in. Who only opens the page needs none of it, so it is made when it is asked for."""
        form = AboutProvider(self.sent, self.name_of(""), self.items)
        if self.given:
            form[OVERALL].data = self.given
        return form

    def name_of(self, name: str) -> str:
        """A field's name in the page's form."""
        return f"p{self.provider.id}-{name}"

    @property
    def is_blank(self) -> bool:
        """Nothing was sent, so that it reads alike for everybody who is asked about this provider."""
        return not self.sent

    @cached_property
    def code_offered(self) -> str:
        """The code that the receipt would have."""
        return new_code() if self.is_blank else self.form.code.data

    @property
    def no_dealings(self) -> bool:
        """The rest of the part is hidden then, so whatever stands there neither counts nor is complained about."""
        return self.form.no_dealings.data

    @property
    def chosen(self) -> dict[str, str]:
        """{item: a score, or that the person cannot say}"""
        return {key: self.form[key].data for key in self.items if self.form[key].data}

    @property
    def is_untouched(self) -> bool:
        """Nothing was said; to say that one cannot say is an answer."""
        return not (self.no_dealings or self.chosen or self.form.comment.data)

    @property
    def code(self) -> str | None:
        """The code of the receipt that goes with the comment, when one is wanted."""
        form = self.form
        return form.code.data if form.receipt.data and form.comment.data and form.kind.data in WITH_RECEIPT else None

    def answer(self) -> Answer:
        if self.no_dealings:
            return Answer(self.provider.id, {})
        missing, code = self.form.missing.data, self.code
        return Answer(
            provider=self.provider.id,
            scores={key: int(score) for key, score in self.chosen.items() if score != CANNOT_SAY},
            missing=missing if missing in MISSING_REASONS else None,
            comment=self.form.comment.data,
            comment_kind=self.form.kind.data or None,
            receipt=receipts.digest(code) if code else None,
        )


@dataclass
class NoticePart:
    """Did you notice what a department says it has done? The question, and what was chosen."""

    question: Question
    noticed: Field

    @property
    def chosen(self) -> str | None:
        return self.noticed.data


def _notice_part(question: Question, sent: Mapping[str, str]) -> NoticePart:
    name = f"c{question.commitment}-noticed"
    chosen = Field(name, sent.get(name))
    _must_be_offered(chosen, (NOTICED, NOT_YET, CANNOT_SAY))
    return NoticePart(question, chosen)


@dataclass
class AnswerForm:
    """A page for each department, the departments that may still be added, and what may have been noticed."""

    pages: list[Page]
    offered: tuple[Named, ...]
    notices: list[NoticePart] = field(default_factory=list)
    refused: bool = False  # a department was to be added that cannot be
    just_added: Named | None = None
    given: str | None = None  # the first provider's overall score, as the mail's link gave it

    @property
    def minutes(self) -> int:
        """How long it takes, from six seconds a question."""
        return max(1, round(sum(len(page.items) for page in self.pages) / 10))

    @property
    def is_untouched(self) -> bool:
        return all(page.is_untouched for page in self.pages) and not any(part.chosen for part in self.notices)

    @property
    def answers(self) -> list[Answer]:
        return [page.answer() for page in self.pages]

    @property
    def noticed(self) -> dict[int, bool]:
        """{commitment: noticed, or not yet}, where one could say."""
        said = {part.question.commitment: part.chosen for part in self.notices}
        return {commitment: chosen == NOTICED for commitment, chosen in said.items() if chosen in (NOTICED, NOT_YET)}

    @property
    def codes(self) -> list[str]:
        """The codes of the receipts that were asked for."""
        return [page.code for page in self.pages if page.code and not page.no_dealings]

    def renew_codes(self) -> None:
        """Put a fresh code in the place of one that was given out before, or comes twice."""
        with_receipt = [page for page in self.pages if page.code]
        for page, code in zip(
            with_receipt, receipts.unused([page.form.code.data for page in with_receipt]), strict=True
        ):
            page.form.code.data = code

    def faults(self) -> list[Fault]:
        """What keeps the answers from being stored, for the list above the questions; empty when they can be."""
        found = [
            Fault(faulty.name, text, page.provider.name)
            for page in self.pages
            if not page.no_dealings
            for faulty in page.form.faulty()
            for text in faulty.errors
        ]
        found += [
            Fault(part.noticed.name, text, part.question.provider)
            for part in self.notices
            for text in part.noticed.errors
        ]
        if self.refused:
            where = "add" if self.offered else "send"
            found.append(Fault(where, _("This department cannot be added. Please choose one of those offered.")))
        if self.just_added:
            text = _("You have added this department: here are the questions about it. Then send everything.")
            found.append(Fault(f"provider-{self.just_added.id}", text, self.just_added.name))
        if not found and self.is_untouched:
            found.append(Fault(self.pages[0].form[self.pages[0].items[0]].name, _("Nothing is answered yet.")))
        return found


def read_form(
    asked: Questions, questionnaire: Questionnaire, sent: MultiDict[str, str], link: Mapping[str, str]
) -> AnswerForm:
    """What was filled in; `link`: what the address says of a page that nothing was filled in yet: `overall=4`."""
    fields, items = sent.to_dict(), questionnaire.item_keys  # each comes once, but for departments that are added
    pages = [Page(provider, items, fields) for provider in asked.providers]
    pages[0].given = given = _given(link, questionnaire)  # the mail asks this about the first provider
    addable = {str(department.id): department for department in asked.addable}
    wanted = _wanted(sent)
    added = [addable.pop(key) for key in wanted if key in addable][: responses.MOST_ADDED]
    is_full = len(added) == responses.MOST_ADDED
    return AnswerForm(
        pages=[*pages, *(Page(department, items, fields, added=True) for department in added)],
        offered=() if is_full else tuple(addable.values()),
        notices=[_notice_part(question, fields) for question in asked.noticeable],
        refused=len(added) < len(wanted),
        just_added=next((department for department in added if str(department.id) == sent.get("add")), None),
        given=given,
    )


def _given(link: Mapping[str, str], questionnaire: Questionnaire) -> str | None:
    score = link.get(OVERALL, "")
    return score if OVERALL in questionnaire.item_keys and score in map(str, SCORES) else None


def _wanted(sent: MultiDict[str, str]) -> list[str]:
    """The ids of the departments to be added, as they were sent, each once."""
    taken_off = ("", sent.get("remove"))
    return [key for key in dict.fromkeys([*sent.getlist("added"), sent.get("add", "")]) if key not in taken_off]
