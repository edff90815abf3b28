"""Questionnaires: which items are asked, and in which words, in every language. One TOML file each."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from survey.measure.scale import ITEMS, OVERALL
from survey.refusal import Refusal, _l
from survey.settings import SOURCE_LANGUAGE

FOLDER = Path(__file__).parent / "questionnaires"
DEFAULT = "five-practices"
PARTS = ("text", "low", "high")
MOST_TAPS = 24  # more than this takes longer than people give

MISSING = _l('There is no questionnaire "%(key)s"; there is %(offered)s.')
UNREADABLE = _l("%(key)s.toml cannot be read: %(reason)s")
NO_ITEMS = _l("%(key)s: there must be items, each with a key of its own.")
STRANGE_KEY = _l('%(key)s: "%(item)s" is no item; there are %(items)s.')
NO_OVERALL = _l('%(key)s: "overall" must be among the items.')
NO_WORDS = _l('%(key)s: "%(part)s" of "%(entry)s" has no text in %(language)s.')


class QuestionnaireError(Refusal):
    """A questionnaire cannot be used; the message names the entry, or says what to do."""


@dataclass(frozen=True)
class Words:
    """One text in every language."""

    by_language: tuple[tuple[str, str], ...]

    def __getitem__(self, language: str) -> str:
        """The text in `language`; in English, else in any, when a language has come since it was written."""
        texts = dict(self.by_language)
        return texts.get(language) or texts.get(SOURCE_LANGUAGE) or next(iter(texts.values()))

    def also(self, other: "Words") -> "Words":
        """This text, and in languages that it lacks the other."""
        return Words(tuple({**dict(other.by_language), **dict(self.by_language)}.items()))


@dataclass(frozen=True)
class Item:
    key: str
    text: Words
    low: Words  # what score 1 means
    high: Words  # what score 5 means

    def also(self, other: "Item") -> "Item":
        return Item(self.key, *(getattr(self, part).also(getattr(other, part)) for part in PARTS))


@dataclass(frozen=True)
class Questionnaire:
    key: str
    title: Words
    items: tuple[Item, ...]  # that are asked
    off: tuple[Item, ...] = ()  # that HR has switched off

    def __hash__(self) -> int:
        """Of the key alone: pages are remembered by their questionnaire, and all its words take long to hash."""
        return hash(self.key)

    @cached_property
    def item_keys(self) -> tuple[str, ...]:
        return tuple(item.key for item in self.items)

    @property
    def every_item(self) -> tuple[Item, ...]:
        """Those that are asked and those that are not, in the order of the scale."""
        return tuple(sorted((*self.items, *self.off), key=lambda item: ITEMS.index(item.key)))

    @property
    def languages(self) -> frozenset[str]:
        return frozenset(language for language, _ in self.title.by_language)

    def text_of(self, item: str, language: str) -> str | None:
        """How an item is worded; None when the questionnaire does not have it."""
        return next((found.text[language] for found in self.every_item if found.key == item), None)

    def also(self, other: "Questionnaire") -> "Questionnaire":
        """The same, and in languages that it lacks with the other's words for its items."""
        words = {item.key: item for item in other.every_item}
        items, off = (tuple(item.also(words.get(item.key, item)) for item in part) for part in (self.items, self.off))
        return replace(self, title=self.title.also(other.title), items=items, off=off)

    def without(self, off: Iterable[str]) -> "Questionnaire":
        """The same with these items switched off."""
        off = set(off)
        return replace(
            self,
            items=tuple(item for item in self.every_item if item.key not in off),
            off=tuple(item for item in self.every_item if item.key in off),
        )


def taps(items: int, providers: int) -> int:
    """How many taps the median path takes: an answer to each item about each provider, a move to the next, the sending.

    providers·items + (providers − 1) + 1. By hand: six items about three providers are 18 + 2 + 1 = 21.

    >>> taps(6, 3), taps(1, 3), taps(6, 1)
    (21, 6, 7)
    """
    return providers * items + (providers - 1) + 1


# --- Files ---------------------------------------------------------------------------------------------------------


def questionnaires() -> list[str]:
    """The keys of all questionnaires there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def load_questionnaire(key: str) -> Questionnaire:
    """The questionnaire of this key; every text is there in the languages of its title.

    Raises QuestionnaireError when it is missing, a text is, or its items are not those of the scale.
    """
    if key not in questionnaires():
        raise QuestionnaireError(MISSING, key=key, offered=", ".join(questionnaires()))
    try:
        table = tomllib.loads((FOLDER / f"{key}.toml").read_text(encoding="utf-8"))
    except ValueError as error:
        raise QuestionnaireError(UNREADABLE, key=key, reason=str(error)) from error
    entries = table.get("items", [])
    _check_keys(key, [entry.get("key", "") for entry in entries])
    title = _words(key, "title", table, (SOURCE_LANGUAGE,))
    languages = [language for language, _ in title.by_language]
    items = (Item(entry["key"], *(_words(key, part, entry, languages) for part in PARTS)) for entry in entries)
    return Questionnaire(key, title, tuple(items))


def _check_keys(key: str, items: list[str]) -> None:
    if not items or len(set(items)) < len(items):
        raise QuestionnaireError(NO_ITEMS, key=key)
    for item in items:
        if item not in ITEMS:
            raise QuestionnaireError(STRANGE_KEY, key=key, item=item, items=", ".join(ITEMS))
    if OVERALL not in items:
        raise QuestionnaireError(NO_OVERALL, key=key)


def _words(key: str, part: str, entry: dict[str, Any], languages: Iterable[str]) -> Words:
    texts = entry.get(part, {})
    for language in languages:
        if not texts.get(language):
            raise QuestionnaireError(NO_WORDS, key=key, part=part, entry=entry.get("key", key), language=language)
    return Words(tuple(texts.items()))


# --- Frozen in a wave ----------------------------------------------------------------------------------------------


def frozen(found: Questionnaire) -> str:
    """A questionnaire as a text that a wave keeps."""
    return json.dumps(
        {
            "key": found.key,
            "title": dict(found.title.by_language),
            "items": [_frozen_item(item) for item in found.items],
            "off": [_frozen_item(item) for item in found.off],
        },
        ensure_ascii=False,
    )


def _frozen_item(item: Item) -> dict[str, Any]:
    return {"key": item.key, **{part: dict(getattr(item, part).by_language) for part in PARTS}}


@cache
def thawed(text: str) -> Questionnaire:
    """The questionnaire that `frozen` made a text of."""
    table = json.loads(text)
    items, off = (tuple(_thawed_item(entry) for entry in table[part]) for part in ("items", "off"))
    return Questionnaire(table["key"], Words(tuple(table["title"].items())), items, off)


def _thawed_item(entry: dict[str, Any]) -> Item:
    return Item(entry["key"], *(Words(tuple(entry[part].items())) for part in PARTS))
