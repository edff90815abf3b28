"""What the answer page asks and what was filled in: a page for each department, asked about or added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Form, RadioField, StringField
from wtforms.validators import AnyOf, Length, ValidationError

from survey import receipts, responses
from survey.measure.scale import COMMENT_KINDS, MISSING_REASONS, OVERALL, SCORES
from survey.people import Named
from survey.questionnaire import Questionnaire
from survey.receipts import is_code, new_code
from survey.responses import WITH_RECEIPT, Answer, Questions

CANNOT_SAY = "na"
NOT_OFFERED = _l("This is not one of the answers offered.")

# Buttons that change the page and send nothing: add a department, take one off again, read in another language.
OTHER_BUTTONS = {"adding", "remove", "switch"}


class Fault(NamedTuple):
    field: str  # the id of the place that it leads to
    text: str
    about: str = ""  # the department's name


def as_typed(text: str | None) -> str:
    """What was typed, with plain line ends, and without NUL, which PostgreSQL does not take."""
    return (text or "").replace("\r\n", "\n").replace("\0", "").strip()


def choice(offered: Sequence[str]) -> RadioField:
    """One of the answers offered, or none."""
    allowed = AnyOf([None, "", *offered], NOT_OFFERED)
    return RadioField(choices=offered, validate_choice=False, validators=[allowed])


class AboutProvider(Form):
    """What every questionnaire asks about a provider besides its items."""

    no_dealings = BooleanField()
    missing = choice([*MISSING_REASONS, CANNOT_SAY])
    comment = StringField(
        filters=[as_typed],
        validators=[Length(max=responses.COMMENT_CHARACTERS, message=_l("At most %(max)d characters, please."))],
    )
    kind = choice(COMMENT_KINDS)
    receipt = BooleanField()
    # The code travels with the form, so whoever sends twice is shown the same one again.
    code = StringField(filters=[lambda code: code if code and is_code(code) else new_code()])

    def validate_comment(self, field: StringField) -> None:
        if field.data and not self.kind.data:
            raise ValidationError(_("Say whether this is thanks, a complaint or a suggestion."))


@lru_cache
def about_provider(items: tuple[str, ...]) -> type[AboutProvider]:
    """The form for one provider: a choice for each item of the questionnaire, and the rest."""
    fields = {key: choice([*map(str, SCORES), CANNOT_SAY]) for key in items}
    return type("AboutProvider", (AboutProvider,), fields)


@dataclass
class Page:
    """The part of the answer page about one provider, which a phone shows by itself."""

    provider: Named
    items: tuple[str, ...]
    sent: MultiDict[str, str]
    added: bool = False
    given: str | None = None  # the overall score, as the mail's link gave it

    @cached_property
    def form(self) -> AboutProvider:
        """What was filled in. Who only opens the page needs none of it, so it is made when it is asked for."""
        form = about_provider(self.items)(self.sent, prefix=self.field(""))
        if self.given:
            form[OVERALL].data = self.given
        return form

    def field(self, name: str) -> str:
        """A field's name in the page's form."""
        return f"p{self.provider.id}-{name}"

    @property
    def is_blank(self) -> bool:
        """Nothing was filled in or sent, so that it reads alike for everybody who is asked about this provider."""
        return not (self.sent or self.given)

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
class AnswerForm:
    """A page for each department, and the departments that may still be added."""

    pages: list[Page]
    offered: list[Named]
    refused: bool = False  # a department was to be added that cannot be
    just_added: Named | None = None
    given: str | None = None  # the first provider's overall score, as the mail's link gave it

    @property
    def minutes(self) -> int:
        """How long it takes, from six seconds a question."""
        return max(1, round(sum(len(page.items) for page in self.pages) / 10))

    @property
    def answers(self) -> list[Answer]:
        return [page.answer() for page in self.pages]

    @property
    def codes(self) -> list[str]:
        """The codes of the receipts that were asked for."""
        return [page.code for page in self.pages if page.code and not page.no_dealings]

    def renew_codes(self) -> None:
        """Put a fresh code in the place of one that was given out before, or comes twice."""
        with_receipt = [page for page in self.pages if page.code]
        for page, code in zip(with_receipt, receipts.unused([page.code for page in with_receipt]), strict=True):
            page.form.code.data = code

    def faults(self) -> list[Fault]:
        """What keeps the answers from being stored, for the list above the questions; empty when they can be."""
        found = [
            Fault(page.form[name].name, text, page.provider.name)
            for page in self.pages
            if not page.no_dealings and not page.form.validate()
            for name, texts in page.form.errors.items()
            for text in texts
        ]
        if self.refused:
            where = "add" if self.offered else "send"
            found.append(Fault(where, _("This department cannot be added. Please choose one of those offered.")))
        if self.just_added:
            text = _("You have added this department: here are the questions about it. Then send everything.")
            found.append(Fault(f"provider-{self.just_added.id}", text, self.just_added.name))
        if not found and all(page.is_untouched for page in self.pages):
            found.append(Fault(self.pages[0].form[self.pages[0].items[0]].name, _("Nothing is answered yet.")))
        return found


def read_form(
    asked: Questions, questionnaire: Questionnaire, sent: MultiDict[str, str], link: Mapping[str, str]
) -> AnswerForm:
    """What was filled in; `link`: what the address says of a page that nothing was filled in yet: `overall=4`."""
    pages = [Page(provider, questionnaire.item_keys, sent) for provider in asked.providers]
    pages[0].given = given = _given(link, questionnaire)  # the mail asks this about the first provider
    addable = {str(department.id): department for department in asked.addable}
    wanted = _wanted(sent)
    added = [addable.pop(key) for key in wanted if key in addable][: responses.MOST_ADDED]
    is_full = len(added) == responses.MOST_ADDED
    return AnswerForm(
        pages=[*pages, *(Page(department, questionnaire.item_keys, sent, added=True) for department in added)],
        offered=[] if is_full else list(addable.values()),
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
