"""The guided mapping: what each step asks, and how its answers become a mapping."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict

from survey import dates
from survey.guesses import BLANK, REASONS, guess_rest, guess_target, rated_values, without_doubles
from survey.kept_mappings import LONGEST
from survey.mapping import FORMS, LONGEST_KEY
from survey.measure.scale import ITEMS
from survey.profiles import Column, Profile
from survey.refusal import Refusal, _l
from survey.sheets import number, slug

STEPS = ("layout", "columns", "touchpoints", "scale", "dates")
SCORE = "score"  # what a value may mean, beside the reasons why it is none
VALUES_LISTED = 60  # of the columns of scores; with more, only those that are no scores
NONE = -1  # no column
Form = MultiDict[str, str]
Values = dict[str, Any]  # a mapping's table, maybe not whole yet


def read_step(step: str, form: Form, profile: Profile, values: Values, known: dict[str, str]) -> Values:
    """The mapping's table with what one step has chosen; raises Refusal.

    `known`: keys by name of the touchpoints that the source has already, which a file may call otherwise.
    """
    if step == "touchpoints":
        found = _touchpoints(form, profile, values, known)
    else:
        readers = {"layout": _layout, "columns": _columns, "scale": _scale, "dates": _dates}
        found = readers[step](form, profile, values)
    return found | guess_rest(profile, found)


def first_open_step(profile: Profile, values: Values) -> str | None:
    """The first step that still has something to choose."""
    columns = values.get("columns", {})
    rated = {"long": ("touchpoint", "score"), "summed": ("touchpoint", "mean", "n"), "wide": ()}[values["form"]]
    if any(not columns.get(name) for name in rated) or not _all_there(profile, values):
        return "columns"
    if values["form"] == "wide" and not values.get("touchpoints"):
        return "columns"
    if not values.get("touchpoints"):
        return "touchpoints"
    if "scale" not in values:
        return "scale"
    if ("date_format" if columns.get("date") else "period") not in values:
        return "dates"
    return None


def _all_there(profile: Profile, values: Values) -> bool:
    named = [name for name in values.get("columns", {}).values() if name]
    rated = list(values.get("touchpoints", {})) if values["form"] == "wide" else []
    return set(named + rated) <= set(profile.names)


# --- Reading what was chosen ---------------------------------------------------------------------------------------


def _layout(form: Form, profile: Profile, values: Values) -> Values:
    chosen, name = form.get("form", ""), " ".join(form.get("source", "").split())
    if chosen not in FORMS:
        raise Refusal(_l("Choose how the rows of the file are to be read."))
    if not slug(name) or len(name) > LONGEST:
        raise Refusal(_l("Write where the scores come from, in at most %(most)s characters."), most=LONGEST)
    source = {"source": {"key": slug(name)[:LONGEST], "name": name}}
    if chosen == values["form"]:
        return values | source
    kept = {key: values[key] for key in ("header_rows", "decimal", "rows") if key in values}
    dated = {key: name for key, name in values.get("columns", {}).items() if key == "date"}
    return kept | source | {"form": chosen, "columns": dated} | ({"touchpoints": {}} if chosen == "wide" else {})


def column_names(form: str) -> tuple[str, ...]:
    """The single columns that a layout asks for; those that a file may lack come last."""
    return {
        "wide": ("date",),
        "long": ("touchpoint", "score", "item", "date"),
        "summed": ("touchpoint", "mean", "n", "sd", "item", "date"),
    }[form]


def _columns(form: Form, profile: Profile, values: Values) -> Values:
    names = column_names(values["form"])
    chosen = {name: column.name for name in names if (column := _column(form.get(name, ""), profile))}
    if any(name not in chosen and name not in ("item", "date", "sd") for name in names):
        raise Refusal(_l("Choose a column for each field that must be there."))
    if len(set(chosen.values())) < len(chosen):
        raise Refusal(_l("Each column can be one thing only; one was chosen twice."))
    before, found = values.get("columns", {}), values | {"columns": chosen}
    if values["form"] == "wide":
        rated = [column.name for text in form.getlist("rated") if (column := _column(text, profile))]
        if not rated or set(rated) & set(chosen.values()):
            raise Refusal(_l("Tick at least one column of scores, and not the column of dates."))
        found["touchpoints"] = {name: values.get("touchpoints", {}).get(name, {}) for name in rated}
    stale = {"date_format", "period"} if chosen.get("date") != before.get("date") else set()
    if values["form"] != "wide" and any(chosen.get(name) != before.get(name) for name in ("touchpoint", "item")):
        stale |= {"touchpoints", "items", "not_read"}
    if chosen.get("score") != before.get("score") or found.get("touchpoints") != values.get("touchpoints"):
        stale |= {"scale", "left_out"}
    return _rows(form, profile, {key: value for key, value in found.items() if key not in stale})


def _column(text: str, profile: Profile) -> Column | None:
    """The column whose number was sent; none for any other text, nor for a column without a name."""
    place = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else NONE
    found = profile.columns[place] if 0 <= place < len(profile.columns) else None
    return found if found and found.name else None


def _rows(form: Form, profile: Profile, values: Values) -> Values:
    """Read only the rows that say a certain thing, where that is asked for."""
    found = {key: value for key, value in values.items() if key != "rows"}
    column = _column(form.get("rows_column", ""), profile)
    if column is None:
        return found
    only = [text.strip() for text in form.get("rows_only", "").split(";") if text.strip()]
    if not only:
        raise Refusal(_l("Write which rows are to be read, or choose all of them."))
    return found | {"rows": {"column": column.name, "only": only}}


def names_in(profile: Profile, values: Values) -> list[str]:
    """What the file calls the things that it rates: columns, or values of the column that names them."""
    if values["form"] == "wide":
        return list(values.get("touchpoints", {}))
    return _texts(profile, values, "touchpoint")


def item_names(profile: Profile, values: Values) -> list[str]:
    """What the file calls the items, where a column tells them."""
    return _texts(profile, values, "item") if values["form"] != "wide" else []


def _texts(profile: Profile, values: Values, name: str) -> list[str]:
    column = profile.column(values["columns"].get(name, ""))
    return sorted(text for text, _ in column.values) if column and column.is_whole else []


def _touchpoints(form: Form, profile: Profile, values: Values, known: dict[str, str]) -> Values:
    by_column = bool(item_names(profile, values))
    targets: dict[str, Values] = {}
    keys = dict(known)
    for place, name in enumerate(names_in(profile, values)):
        if values["form"] != "wide" and f"include-{place}" not in form:
            continue
        shown = " ".join(form.get(f"name-{place}", "").split())[:200] or name
        target: Values = {"key": keys.setdefault(shown, name[:LONGEST_KEY]), "name": shown}
        if not by_column:
            target["item"] = _choice(form.get(f"item-{place}", ""), ITEMS)
        if departments := _departments(form, place):
            target["departments"] = departments
        targets[name] = target
    if not targets:
        raise Refusal(_l("Tick at least one of the things that customers rate."))
    passed_over = [name for name in names_in(profile, values) if name not in targets]
    items, not_items = _items(form, item_names(profile, values))
    found = {key: value for key, value in values.items() if key not in ("items", "not_read")} | {"touchpoints": targets}
    found |= {"items": items} if items else {}
    return found | ({"not_read": passed_over + not_items} if passed_over or not_items else {})


def _departments(form: Form, place: int) -> dict[str, float]:
    found = {}
    for slot in (0, 1):
        if not (key := form.get(f"department-{place}-{slot}", "")):
            continue
        weight = number(form.get(f"weight-{place}-{slot}", "1").strip(), True)
        if weight is None or not 0 < weight <= 1 or key in found:
            raise Refusal(_l("Choose each department once, with a weight above 0 and up to 1."))
        found[key] = weight
    return found


def _items(form: Form, names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """({name in the file: item}, names that are passed over)."""
    chosen = {name: form.get(f"practice-{place}", "") for place, name in enumerate(names)}
    read = {name: item for name, item in chosen.items() if item in ITEMS}
    if chosen and not read:
        raise Refusal(_l("Say of at least one name which practice it is."))
    return read, [name for name in chosen if name not in read]


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise Refusal(_l("Choose one of the possibilities that the page shows."))
    return text


def listed_values(profile: Profile, values: Values) -> list[tuple[str, int]]:
    """The values of which the page asks what they mean, and how often each is there; numbers first, in order."""
    found = rated_values(profile, values)
    scale = values.get("scale", {"low": 1, "high": 5})
    if len(found) > VALUES_LISTED:
        found = type(found)({text: n for text, n in found.items() if not _on(scale, number(text, True))})
    order = sorted(
        found.items(), key=lambda value: (number(value[0], True) is None, number(value[0], True) or 0, value[0])
    )
    return order[:VALUES_LISTED]


def is_number(text: str) -> bool:
    return number(text, True) is not None


def _on(scale: Values, value: float | None) -> bool:
    return value is not None and scale["low"] <= value <= scale["high"]


def _scale(form: Form, profile: Profile, values: Values) -> Values:
    low, high = (number(form.get(name, "").strip(), True) for name in ("low", "high"))
    if low is None or high is None or not low < high:
        raise Refusal(_l("Write the lowest and the highest score as numbers, the lowest first."))
    scale: Values = {"low": low, "high": high, "best": _choice(form.get("best", "high"), ("high", "low"))}
    left_out: dict[str, list[str]] = {BLANK: [""]}
    words = {}
    for place, (text, _) in enumerate(listed_values(profile, values)):
        meaning = _choice(form.get(f"meaning-{place}", BLANK if not text else SCORE), (SCORE, *REASONS))
        if meaning != SCORE:
            left_out.setdefault(meaning, []).append(text)
        elif number(text, True) is None:
            words[text] = _score_of(text, form.get(f"score-{place}", ""), scale)
        elif not _on(scale, number(text, True)):
            raise Refusal(
                _l('"%(text)s" is not between %(low)s and %(high)s: change the scale, or say what it means.'),
                text=text, low=f"{low:g}", high=f"{high:g}",
            )  # fmt: skip
    decimal = {"decimal": _choice(form.get("decimal", "."), (".", ","))}
    scale |= {"words": words} if words else {}
    return (
        values
        | decimal
        | {"scale": scale, "left_out": {reason: sorted(set(codes)) for reason, codes in left_out.items()}}
    )


def _score_of(text: str, written: str, scale: Values) -> float:
    score = number(written.strip(), True)
    if not _on(scale, score) or score is None:
        raise Refusal(
            _l('Write which score "%(text)s" stands for, from %(low)s to %(high)s.'),
            text=text, low=f"{scale['low']:g}", high=f"{scale['high']:g}",
        )  # fmt: skip
    return score


def possible_formats(profile: Profile, values: Values) -> list[str]:
    """The date formats to choose from: those that read every date, else those that read some, else all."""
    column = profile.column(values["columns"].get("date", ""))
    if column is None:
        return []
    some = {name for text, _ in column.values for name in dates.formats_of([text])}
    return without_doubles(column.date_formats or [name for name in dates.FORMATS if name in some] or [*dates.FORMATS])


def _dates(form: Form, profile: Profile, values: Values) -> Values:
    found = {key: value for key, value in values.items() if key not in ("date_format", "period")}
    if values["columns"].get("date"):
        chosen = form.get("date_format", "")
        if chosen not in possible_formats(profile, values):
            raise Refusal(_l("Choose how the dates are to be read."))
        return found | {"date_format": [chosen]}
    try:
        first, last = (date.fromisoformat(form.get(name, "")) for name in ("from", "to"))
    except ValueError:
        raise Refusal(_l("Write the first and the last day that the answers are from.")) from None
    if last < first or first.year < dates.FIRST_YEAR:
        raise Refusal(
            _l("The last day must not come before the first, nor the first before %(year)s."), year=dates.FIRST_YEAR
        )
    return found | {"period": {"from": first.isoformat(), "to": last.isoformat()}}


def target_of(profile: Profile, values: Values, name: str) -> Values:
    """What is chosen for a name in the file, or guessed."""
    return values.get("touchpoints", {}).get(name) or guess_target(profile, name)


def meaning_of(values: Values, text: str) -> str:
    """What is chosen for a value of a column of scores: SCORE, or the reason why it is none."""
    return next((reason for reason, codes in values.get("left_out", {}).items() if text in codes), SCORE)
