"""What the answer page asks and what was filled in: a page for each department, asked about or added, and notices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import itemgetter
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
SCORE_OF: dict[str | None, int] = {str(score): score for score in SCORES}
ANSWERS = frozenset([*SCORE_OF, CANNOT_SAY, "", None])  # to an item; the last two are none
REASONS = {*MISSING_REASONS, CANNOT_SAY}
NOTICED, NOT_YET = "yes", "not-yet"
BELOW = ("no_dealings", "missing", "comment", "kind", "receipt", "code")  # fields of each provider, whatever is asked
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


class Field(NamedTuple):
    """One field as it was sent, and what is wrong with it."""

    name: str
    data: Any
    errors: Sequence[str] = ()


class AboutProvider:
    """What was sent about one provider: the items of the questionnaire, and the rest.

    For pages, form["comment"] is a Field. Three of these make an answer; a library's forms, which can do much more,
    took a fifth of the time it takes.
    """

    def __init__(self, sent: Mapping[str, str], prefix: str, items: tuple[str, ...]) -> None:
        self._prefix, self._faults = prefix, dict[str, str]()
        no_dealings, self.missing, comment, self.kind, receipt, code, *said = map(sent.get, _names(prefix, items))
        self.by_item = dict(zip(items, said, strict=True))
        self.no_dealings = no_dealings not in NOT_TICKED
        self.comment = as_typed(comment)
        self.receipt = receipt not in NOT_TICKED
        self.code = code or ""  # it travels with the form: who sends twice is shown the same one

    def __getitem__(self, name: str) -> Field:
        data = self.by_item[name] if name in self.by_item else getattr(self, name)
        return Field(self._prefix + name, data, [self._faults[name]] if name in self._faults else ())

    @property
    def scores(self) -> dict[str, int]:
        """{item: its score}, where there is one."""
        found = zip(self.by_item, map(SCORE_OF.get, self.by_item.values()), strict=True)
        return {item: score for item, score in found if score}

    def faulty(self) -> list[Field]:
        """The fields that cannot be stored as they are, with what is wrong with each."""
        self._faults = dict(self._wrong())
        return [self[name] for name in self._faults]

    def _wrong(self) -> Iterator[tuple[str, str]]:
        if self.missing and self.missing not in REASONS:
            yield "missing", _not_offered()
        if len(self.comment) > responses.COMMENT_CHARACTERS:
            yield "comment", _("At most %(max)d characters, please.", max=responses.COMMENT_CHARACTERS)
        elif self.comment and not self.kind:
            yield "kind", no_kind()
        if self.kind and self.kind not in COMMENT_KINDS:
            yield "kind", _not_offered()
        if not ANSWERS.issuperset(self.by_item.values()):
            yield from ((item, _not_offered()) for item, said in self.by_item.items() if said not in ANSWERS)


@cache
def _names(prefix: str, items: tuple[str, ...]) -> list[str]:
    """The fields about one provider: those below the items, and a questionnaire's items."""
    return [prefix + name for name in (*BELOW, *items)]


def no_kind() -> str:
    """What is wrong with a comment of which nobody knows what it is."""
    return _("Say whether this is thanks, a complaint or a suggestion.")


def _not_offered() -> str:
    return _("This is not one of the answers offered.")


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
            form.by_item[OVERALL] = self.given
        return form

    def name_of(self, name: str) -> str:
        """A field's name in the page's form."""
        return f"p{self.provider.id}-{name}"

    @property
    def is_blank(self) -> bool:
        """Nothing was sent, so that it reads alike for everybody who is asked about this provider."""
        return not self.sent

    def code(self) -> str:
        """The code that the receipt would have: the one that was sent, else another one each time."""
        return new_code() if self.is_blank or not is_code(self.form.code) else self.form.code

    @property
    def no_dealings(self) -> bool:
        """The rest of the part is hidden then, so whatever stands there neither counts nor is complained about."""
        return self.form.no_dealings

    @property
    def is_untouched(self) -> bool:
        """Nothing was said; to say that one cannot say is an answer."""
        return not (self.no_dealings or any(self.form.by_item.values()) or self.form.comment)

    @property
    def wants_receipt(self) -> bool:
        """Whether a receipt goes with the comment; its code is `form.code`."""
        form = self.form
        return bool(form.receipt and form.comment and form.kind in WITH_RECEIPT)

    def answer(self) -> Answer:
        form = self.form
        if form.no_dealings:
            return Answer(self.provider.id, {})
        return Answer(
            provider=self.provider.id,
            scores=form.scores,
            missing=form.missing if form.missing in MISSING_REASONS else None,
            comment=form.comment,
            comment_kind=form.kind or None,
            receipt=receipts.digest(form.code) if self.wants_receipt else None,
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
    chosen = sent.get(name)
    is_offered = not chosen or chosen in (NOTICED, NOT_YET, CANNOT_SAY)
    return NoticePart(question, Field(name, chosen, () if is_offered else [_not_offered()]))


@dataclass
class AnswerForm:
    """A page for each department, the departments that may still be added, and what may have been noticed."""

    asked: Questions
    pages: list[Page]
    notices: list[NoticePart] = field(default_factory=list)
    refused: bool = False  # a department was to be added that cannot be
    just_added: Named | None = None
    given: str | None = None  # the first provider's overall score, as the mail's link gave it

    @property
    def offered(self) -> Sequence[Named]:
        """The departments that may still be added."""
        added = {page.provider.id for page in self.pages if page.added}
        if len(added) == responses.MOST_ADDED:
            return ()
        return [found for found in self.asked.addable if found.id not in added] if added else self.asked.addable

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
        return [page.form.code for page in self.pages if page.wants_receipt and not page.no_dealings]

    def renew_codes(self) -> None:
        """Put a fresh code in the place of one that is none, was given out before, or comes twice."""
        with_receipt = [page for page in self.pages if page.wants_receipt]
        for page, code in zip(with_receipt, receipts.unused([page.form.code for page in with_receipt]), strict=True):
            page.form.code = code

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
            found.append(Fault(self.pages[0].name_of(self.pages[0].items[0]), _("Nothing is answered yet.")))
        return found


def read_form(
    asked: Questions, questionnaire: Questionnaire, sent: MultiDict[str, str], link: Mapping[str, str]
) -> AnswerForm:
    """What was filled in; `link`: what the address says of a page that nothing was filled in yet: `overall=4`."""
    fields, items = _firsts(sent), questionnaire.item_keys
    pages = [Page(provider, items, fields) for provider in asked.providers]
    pages[0].given = given = _given(link, questionnaire)  # the mail asks this about the first provider
    wanted = _wanted(sent)
    added = _added(asked, wanted) if wanted else []
    return AnswerForm(
        asked=asked,
        pages=[*pages, *(Page(department, items, fields, added=True) for department in added)],
        notices=[_notice_part(question, fields) for question in asked.noticeable],
        refused=len(added) < len(wanted),
        just_added=next((department for department in added if str(department.id) == fields.get("add")), None),
        given=given,
    )


def _firsts(sent: MultiDict[str, str]) -> dict[str, str]:
    """The fields that were sent; each comes once, but for departments that are added."""
    return dict(zip(sent, map(itemgetter(0), sent.listvalues()), strict=True))


def _given(link: Mapping[str, str], questionnaire: Questionnaire) -> str | None:
    score = link.get(OVERALL, "") if link else ""
    return score if OVERALL in questionnaire.item_keys and score in map(str, SCORES) else None


def _wanted(sent: MultiDict[str, str]) -> list[str]:
    """The ids of the departments to be added, as they were sent, each once."""
    if not sent.keys() & {"added", "add"}:
        return []
    taken_off = ("", sent.get("remove"))
    return [key for key in dict.fromkeys([*sent.getlist("added"), sent.get("add", "")]) if key not in taken_off]


def _added(asked: Questions, wanted: Iterable[str]) -> list[Named]:
    addable = {str(department.id): department for department in asked.addable}
    return [addable[key] for key in wanted if key in addable][: responses.MOST_ADDED]
