"""Fields of forms that say what is wrong in the words of the pages."""

from typing import Any

from flask_babel import gettext as _
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import ValidationError

from survey.roster import LONGEST_NAME


def one_line(text: str | None) -> str:
    """What was typed, without line breaks and blanks around, and without NUL, which PostgreSQL does not take."""
    return " ".join((text or "").replace("\0", "").split())


class NameField(StringField):
    """A name, which must be there."""

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = one_line(valuelist[0] if valuelist else "")

    def pre_validate(self, form: Any) -> None:
        if not self.data:
            raise ValidationError(_("Write a name."))
        if len(self.data) > LONGEST_NAME:
            raise ValidationError(_("A name has at most %(most)s characters.", most=LONGEST_NAME))


class ChoiceField(SelectField):
    """One of a list."""

    def pre_validate(self, form: Any) -> None:
        _refuse_what_is_not_offered(super().pre_validate, form)


class OneOfField(RadioField):
    """One of a few, all in sight."""

    def pre_validate(self, form: Any) -> None:
        _refuse_what_is_not_offered(super().pre_validate, form)


def _refuse_what_is_not_offered(look: Any, form: Any) -> None:
    """The library's own words are in its own languages."""
    try:
        look(form)
    except ValueError:
        raise ValidationError(_("Choose something from the list.")) from None
