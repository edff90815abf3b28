"""Why something that was asked for is not done, in words that a page can translate."""

from typing import Self


class Refusal(ValueError):
    """`text` is an English sentence with named placeholders, `values` what they stand for: text, numbers, dates,
    a choice (OneOf).

    As a string it is the sentence itself, with dates like 2027-01-12; pages say the same in the reader's language.
    """

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text = text
        self.values = values


class Sentence(str):
    """An English sentence made of `text` and `values`, which a page can say in the reader's language instead."""

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> Self:
        sentence = super().__new__(cls, text % values if values else text)
        sentence.text, sentence.values = text, values
        return sentence


class OneOf(tuple[str, ...]):
    """Values of which one is to be written. In English "es, en or fr"; pages list them in the reader's language."""

    __slots__ = ()

    def __str__(self) -> str:
        *others, last = self or ("",)
        return f"{', '.join(others)} or {last}" if others else last


def _l(text: str) -> str:
    """Mark a text for translation (pybabel looks for this name); whoever shows it translates it."""
    return text
