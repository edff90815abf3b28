"""What a pulse asks: a questionnaire with HR's words, without what HR has switched off, frozen in each wave it opens.

Keys and scale of a questionnaire stay as they are once a wave has used them; else figures would be compared that answer
different questions. What HR changes holds from the next opening on.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from survey.audience import PROVIDERS_PER_PERSON
from survey.measure.scale import OVERALL
from survey.models import ASKED, ItemOff, Pulse, Rewording, Wave, database
from survey.questionnaire import (
    MOST_TAPS,
    Item,
    Questionnaire,
    QuestionnaireError,
    Words,
    frozen,
    load_questionnaire,
    taps,
    thawed,
)
from survey.refusal import Refusal, _l
from survey.settings import languages

LONGEST_TEXT = 160  # characters
MARKUP = re.compile(r"[<>]")

TOO_LONG = _l("A text has at most %(most)s characters; this one has %(found)s: %(given)s")
NO_MARKUP = _l("Write plain words, without < and >: %(given)s")
NO_SUCH_ITEM = _l('This questionnaire has no "%(item)s"; it has %(items)s.')
OVERALL_STAYS = _l('"overall" is always asked: without it there would be nothing to set beside other waves.')
OTHER_KEYS = _l(
    'The questionnaire "%(key)s" has the items %(now)s; when the wave of %(day)s used it, they were %(before)s. '
    "Put the file back as it was, and make the change in a new file for a new pulse."
)
OTHER_SCALE = _l(
    'In the questionnaire "%(key)s" the scale of "%(item)s" ends in "%(now)s"; when the wave of %(day)s used it, it '
    'was "%(before)s". Put the file back as it was, and make the change in a new file for a new pulse.'
)
NO_LANGUAGE = _l(
    'The questionnaire "%(key)s" has no words in the language "%(language)s", which Espejo offers. '
    "Add them to the file."
)

Texts = Mapping[tuple[str, str], str]  # by item and language


class AskingError(Refusal):
    """The questionnaire of a pulse cannot be changed so; the message says why."""


def questionnaire_of(wave: Wave) -> Questionnaire:
    """What a wave has asked, or asks: frozen at its opening. Waves that were open before that was kept: the file.

    In a language that has come since, the words are the file's.
    """
    if not wave.questionnaire:
        return load_questionnaire(wave.pulse.questionnaire)
    found = thawed(wave.questionnaire)
    try:
        return found if found.languages >= languages().keys() else found.also(load_questionnaire(found.key))
    except QuestionnaireError:  # the file has been taken away or broken; what was frozen still stands
        return found


def next_questionnaire(pulse: Pulse) -> Questionnaire:
    """What the pulse's next wave asks. Raises QuestionnaireError when the file cannot be read."""
    found = load_questionnaire(pulse.questionnaire).without(switched_off(pulse))
    own: dict[str, dict[str, str]] = defaultdict(dict)
    for (item, language), text in rewordings(pulse).items():
        own[item][language] = text
    return replace(
        found,
        items=tuple(_reworded(item, own[item.key]) for item in found.items),
        off=tuple(_reworded(item, own[item.key]) for item in found.off),
    )


def _reworded(item: Item, own: Mapping[str, str]) -> Item:
    return replace(item, text=Words(tuple({**dict(item.text.by_language), **own}.items())))


def taps_of(asked: Questionnaire) -> int:
    """How many taps it takes most people to answer, about as many providers as a person is asked about."""
    return taps(len(asked.items), PROVIDERS_PER_PERSON)


def taps_left(asked: Questionnaire) -> int:
    """How many taps more people would give after it."""
    return max(0, MOST_TAPS - taps_of(asked))


def switched_off(pulse: Pulse) -> set[str]:
    """The items that the pulse's next wave does not ask."""
    return {item for (item,) in ItemOff.select(ItemOff.item).where(ItemOff.pulse == pulse).tuples()}


def rewordings(pulse: Pulse) -> dict[tuple[str, str], str]:
    """HR's own words, by item and language."""
    query = Rewording.select(Rewording.item, Rewording.language, Rewording.text).where(Rewording.pulse == pulse)
    return {(item, language): text for item, language, text in query.tuples()}


# --- Changing ------------------------------------------------------------------------------------------------------


def switch(pulse: Pulse, off: Iterable[str] = (), on: Iterable[str] = ()) -> None:
    """Leave the items `off` out from the next opening on, and ask those `on` again. Raises AskingError."""
    with database.atomic():
        change(pulse, rewordings(pulse), (switched_off(pulse) | set(off)) - set(on), named=(*off, *on))


def change(pulse: Pulse, texts: Texts, off: Iterable[str], named: Iterable[str] = ()) -> None:
    """Give items HR's own words, and switch those `off` out, from the next opening on. Raises AskingError.

    A text that is empty or the file's own gives the file's words back. `named`: further items that must be there.
    """
    file, off = load_questionnaire(pulse.questionnaire), set(off)
    for item in (*(item for item, _ in texts), *off, *named):
        if item not in file.item_keys:
            raise AskingError(NO_SUCH_ITEM, item=item, items=", ".join(file.item_keys))
    if OVERALL in off:
        raise AskingError(OVERALL_STAYS)
    own = {place: text for place, given in texts.items() if (text := _plain(given)) and text != file.text_of(*place)}
    with database.atomic():
        ItemOff.delete().where(ItemOff.pulse == pulse).execute()
        Rewording.delete().where(Rewording.pulse == pulse).execute()
        for item in sorted(off):
            ItemOff.create(pulse=pulse, item=item)
        for (item, language), text in own.items():
            Rewording.create(pulse=pulse, item=item, language=language, text=text)


def _plain(text: str) -> str:
    """A text on one line, without signs that cannot be seen. Raises AskingError for one that is none."""
    visible = "".join(sign if sign.isprintable() else " " for sign in text)
    plain = " ".join(visible.split())
    if MARKUP.search(plain):
        raise AskingError(NO_MARKUP, given=plain[:LONGEST_TEXT])
    if len(plain) > LONGEST_TEXT:
        raise AskingError(TOO_LONG, most=LONGEST_TEXT, found=len(plain), given=f"{plain[:40]} …")
    return plain


# --- Opening -------------------------------------------------------------------------------------------------------


def freeze(pulse: Pulse) -> str:
    """What a wave of the pulse that opens now asks, as a text for Wave.questionnaire. Raises QuestionnaireError."""
    check(pulse.questionnaire)
    return frozen(next_questionnaire(pulse))


def check(key: str) -> None:
    """Raise QuestionnaireError when no wave may open with this questionnaire: it lacks a language, or was altered."""
    file = load_questionnaire(key)
    for language in languages():
        if language not in file.languages:
            raise QuestionnaireError(NO_LANGUAGE, key=key, language=language)
    used = Wave.state.in_(ASKED) & (Wave.questionnaire != "") & (Pulse.questionnaire == key)
    # Each opening is compared with the one before, so the last one speaks for all.
    last = Wave.select().join(Pulse).where(used).order_by(Wave.opened_at.desc(), Wave.id.desc()).first()
    if last is not None:
        _check_unchanged(file, thawed(last.questionnaire), last)


def _check_unchanged(file: Questionnaire, before: Questionnaire, wave: Wave) -> None:
    was = {item.key: item for item in before.every_item}
    told = {"key": file.key, "day": wave.local_date}
    if was.keys() != set(file.item_keys):
        raise QuestionnaireError(OTHER_KEYS, now=_list(file.item_keys), before=_list(was), **told)
    for item in file.items:
        for end in ("low", "high"):
            now, then = dict(getattr(item, end).by_language), dict(getattr(was[item.key], end).by_language)
            for language in now.keys() & then.keys():
                if now[language] != then[language]:
                    raise QuestionnaireError(
                        OTHER_SCALE, item=item.key, now=now[language], before=then[language], **told
                    )


def _list(keys: Iterable[str]) -> str:
    return ", ".join(keys)


def faults() -> list[QuestionnaireError]:
    """Why waves of active pulses could not open, one reason for each questionnaire; empty when all could."""
    query = Pulse.select(Pulse.questionnaire).where(Pulse.state == "active").distinct().order_by(Pulse.questionnaire)
    return [error for (key,) in query.tuples() if (error := fault(key))]


def too_long() -> dict[str, int]:
    """{pulse: how many taps its next wave takes}, of the active ones that take more than people give."""
    found = {}
    for pulse in Pulse.select().where(Pulse.state == "active").order_by(Pulse.key):
        if not fault(pulse.questionnaire) and (count := taps_of(next_questionnaire(pulse))) > MOST_TAPS:
            found[pulse.key] = count
    return found


def fault(key: str) -> QuestionnaireError | None:
    """Why no wave may open with this questionnaire, if so."""
    try:
        check(key)
    except QuestionnaireError as error:
        return error
    return None
