"""Questionnaires: which items are asked, and in which words, in every language."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from survey.settings import LANGUAGES

FOLDER = Path(__file__).parent / "questionnaires"
DEFAULT = "five-practices"


class QuestionnaireError(ValueError):
    """A questionnaire cannot be used; the message names the entry."""


@dataclass(frozen=True)
class Words:
    """One text in every language."""

    by_language: tuple[tuple[str, str], ...]

    def __getitem__(self, language: str) -> str:
        return dict(self.by_language)[language]


@dataclass(frozen=True)
class Item:
    key: str
    text: Words
    low: Words  # what score 1 means
    high: Words  # what score 5 means


@dataclass(frozen=True)
class Questionnaire:
    key: str
    title: Words
    items: tuple[Item, ...]

    @property
    def item_keys(self) -> tuple[str, ...]:
        return tuple(item.key for item in self.items)


@cache
def load_questionnaire(key: str) -> Questionnaire:
    """The questionnaire of this key; raises QuestionnaireError when it is missing or a text is."""
    path = FOLDER / f"{key}.toml"
    if not path.is_file():
        offered = ", ".join(sorted(found.stem for found in FOLDER.glob("*.toml")))
        raise QuestionnaireError(f'There is no questionnaire "{key}"; there is {offered}.')
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    items = tuple(
        Item(entry["key"], **{part: _words(key, entry, part) for part in ("text", "low", "high")})
        for entry in table.get("items", ())
    )
    if not items or len({item.key for item in items}) < len(items):
        raise QuestionnaireError(f"{key}: there must be items, each with a key of its own.")
    return Questionnaire(key, _words(key, table, "title"), items)


def _words(key: str, entry: dict[str, Any], part: str) -> Words:
    texts = entry.get(part, {})
    for language in LANGUAGES:
        if not texts.get(language):
            raise QuestionnaireError(f'{key}: "{part}" of {entry.get("key", "the title")} has no text in {language}.')
    return Words(tuple(texts.items()))
