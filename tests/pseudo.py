"""A language that nobody speaks: every text of Espejo wrapped, accented and 40 % longer, offered as a third language.

Whatever a page shows outside the brackets is data, or a text that nobody can translate. The language goes by the code
of Brazilian Portuguese, so that dates have words of their own, and codes with a region are tried as well.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from html.parser import HTMLParser
from math import ceil
from pathlib import Path

import pytest
from babel.dates import format_date, format_skeleton
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from survey import questionnaire, settings
from survey.models import TABLES
from survey.questionnaire import load_questionnaire
from survey.settings import languages, locale_of
from survey.web import frame

CODE = "pt-BR"
FOLDER = "pt_BR"
KEPT = re.compile(r"%\(\w+\)[sd]|%%|<[^>]+>|&\w+;")  # placeholders, markup
DATE_PATTERN = re.compile(r"[EdMy ]+")
ACCENTS = str.maketrans("abcdeghijklmnoprstuwyzACDEGHIJLMNOPRSTUW", "áƀçðéĝĥíĵķļɱñóƥŕšţúŵýžÁÇÐÉĜĤÍĴĻṀÑÓÞŔŠŢÚŴ")
TAIL = 4  # signs in a row that make up what a text still lacks
ENTRY = re.compile(r'en = "([^"]+)" \}')
ADDRESS = re.compile(r"(?:https?://|/)\S+|[\w.-]+@[\w.-]+")
WORD = re.compile(r"[^\W\d_]{2,}")
TOLD = ("alt", "title", "aria-label", "aria-description", "placeholder")  # attributes that are read out or shown
UNSEEN = ("script", "style", "code", "textarea")
INLINE = ("a", "b", "strong", "em", "small", "span", "br", "wbr", "i", "tspan")  # within one sentence
DATA = ("name", "key", "email", "text", "file_name", "timezone", "reply", "title")  # columns that people fill
# Names of Espejo, of file types and of time zones; examples of codes.
PROPER = "Espejo CSV XLSX JSON PNG SVG Europe Madrid ES MD Mirror Ltd localhost"


def pseudo(text: str) -> str:
    """A text as a translator would hand it back: its placeholders and markup kept, its words longer."""
    if DATE_PATTERN.fullmatch(text):
        return text
    parts, last = [], 0
    for kept in KEPT.finditer(text):
        parts += [_strange(text[last : kept.start()]), kept[0]]
        last = kept.end()
    strange = "".join([*parts, _strange(text[last:])])
    missing = ceil(1.4 * len(text)) - len(strange) - 3
    return f"[{strange} {' '.join(['~' * TAIL] * ceil(max(1, missing) / TAIL))}]"


def _strange(words: str) -> str:
    longer = re.sub(r"([aeiou])", r"\1\1", words)
    return longer.translate(ACCENTS)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offer the language in this process: a catalogue and an entry in the questionnaire, and nothing else."""
    catalogues, questionnaires = folder / "translations", folder / "questionnaires"
    for present in settings.CATALOGUES.glob("*/LC_MESSAGES/messages.mo"):
        copied = catalogues / present.relative_to(settings.CATALOGUES)
        copied.parent.mkdir(parents=True)
        copied.write_bytes(present.read_bytes())
    made = catalogues / FOLDER / "LC_MESSAGES" / "messages.mo"
    made.parent.mkdir(parents=True)
    with made.open("wb") as file:
        write_mo(file, _catalogue())
    questionnaires.mkdir()
    for present in questionnaire.FOLDER.glob("*.toml"):
        text = present.read_text(encoding="utf-8")
        worded = ENTRY.sub(lambda found: f'{found[0][:-2]}, {CODE} = "{pseudo(found[1])}" }}', text)
        (questionnaires / present.name).write_text(worded, encoding="utf-8")
    for module in (settings, frame):
        monkeypatch.setattr(module, "CATALOGUES", catalogues)
    monkeypatch.setattr(questionnaire, "FOLDER", questionnaires)
    forget()


def forget() -> None:
    """Let the languages and questionnaires be read anew."""
    languages.cache_clear()
    load_questionnaire.cache_clear()


@cache
def _catalogue() -> Catalog:
    with (settings.CATALOGUES / "es" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        source = read_po(file)
    made = Catalog(locale=FOLDER)
    for message in source:
        if message.id:
            made.add(message.id, _forms(message.id, made.num_plurals))
    return made


def _forms(message: str | tuple[str, str], plurals: int) -> str | tuple[str, ...]:
    """The text, in as many forms as the language has where a number decides: that differs between versions of Babel."""
    if isinstance(message, str):
        return pseudo(message)
    one, other = map(pseudo, message)
    return (one, *[other] * (plurals - 1))


# --- What is not translated ----------------------------------------------------------------------------------------


def known_words() -> set[str]:
    """The words of data: what stands in the database, names, dates, and the languages' own names."""
    texts = [PROPER, *languages().values(), *_dates()]
    for table in TABLES:
        for column in set(DATA) & set(table._meta.fields):
            texts += [str(text) for (text,) in table.select(getattr(table, column)).tuples()]
    return {word.casefold() for text in texts for word in WORD.findall(text)}


@cache
def _dates() -> tuple[str, ...]:
    locale = locale_of(CODE)
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    forms: list[Callable[[date], str]] = [
        lambda day: format_date(day, "EEEE d MMMM y", locale=locale),
        *(lambda day, form=form: format_skeleton(form, day, locale=locale) for form in ("yMMMd", "MMMEd", "yMMMEd")),
    ]
    return tuple(form(day) for form in forms for day in days)


def strays(texts: Iterable[str], known: set[str]) -> list[str]:
    """The texts that hold a word which is neither translated nor data."""
    found = []
    for text in texts:
        left = ADDRESS.sub(" ", _unbracketed(text))
        if any(word.casefold() not in known for word in WORD.findall(left)):
            found.append(" ".join(text.split()))
    return found


def _unbracketed(text: str) -> str:
    """What stands outside all brackets. Those that were cut off with "…" end there."""
    while (shorter := re.sub(r"\[[^\[\]]*\]", " ", text)) != text:
        text = shorter
    return re.sub(r"\[[^…]*…", " ", text)


def texts_in(html: str) -> list[str]:
    """Every text that a page shows or a screen reader says, sentence by sentence."""
    parser = _Texts()
    parser.feed(html)
    parser.close()
    return [text for text in parser.texts if text.strip()]


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = [""]
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.texts[:0] = [text for name in TOLD if (text := given.get(name))]
        if tag == "input" and given.get("type") in ("submit", "button", "reset"):
            self.texts.insert(0, given.get("value") or "")
        self._unseen += tag in UNSEEN
        if tag == "br":
            self.texts[-1] += " "
        elif tag not in INLINE:
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN
        if tag not in INLINE:
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.texts[-1] += data
