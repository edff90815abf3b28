"""HR's page that sets departments, waves, or inside and outside against each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from flask import Blueprint, abort, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext

from survey import comparisons, releases, wording
from survey.comparisons import Comparison, Comparisons, Side, Verdict
from survey.measure.disclosure import EXACT_FROM
from survey.measure.scale import ITEMS, OVERALL, SHOWN_ITEMS
from survey.models import Department, Wave
from survey.people import departments
from survey.web.access import hr_only
from survey.web.choices import chosen_departments, chosen_wave

blueprint = Blueprint("compare", __name__, url_prefix="/hr/compare")

ALL_ITEMS = "all"


class Of(StrEnum):
    """What is compared."""

    DEPARTMENTS = "departments"
    WAVES = "waves"
    OUTSIDE = "outside"  # with inside


@dataclass(frozen=True)
class Choice:
    """What an address asks to compare, and what comes of it."""

    of: Of
    item: str  # or ALL_ITEMS
    wave: Wave  # the latest of `waves`
    waves: tuple[Wave, ...]  # that are compared; of one wave's departments, that wave alone
    known: tuple[Department, ...]  # that can be chosen
    departments: tuple[Department, ...]  # that are chosen
    found: Comparisons

    @property
    def is_complete(self) -> bool:
        """Whether there is something to compare: one department, or one wave, stands beside nothing."""
        return {
            Of.DEPARTMENTS: len(self.departments) != 1,  # of none the best and the worst are compared
            Of.WAVES: len(self.waves) > 1,
            Of.OUTSIDE: True,
        }[self.of]

    @property
    def arguments(self) -> dict[str, object]:
        """Its place in an address."""
        return {
            "of": self.of,
            "item": self.item,
            "wave": [wave.id for wave in self.waves],
            "department": [department.key for department in self.departments],
        }


def chosen_comparisons(released: Sequence[Wave]) -> Choice | None:
    """None before any wave is released; 404 for what is not offered.

    Where no department is chosen: the best against the worst, or all of them with their past or with customers.
    """
    latest = chosen_wave(released)
    if latest is None:
        return None
    of, item = request.args.get("of", Of.DEPARTMENTS), request.args.get("item", OVERALL)
    if of not in set(Of) or item not in (*ITEMS, ALL_ITEMS):
        abort(404)
    waves = _chosen_waves(released, latest) if of == Of.WAVES else [latest]
    known = departments(also={provider for wave in waves for provider in releases.raters_of(wave)})
    chosen = chosen_departments(known)
    found = COMPARED[Of(of)](waves, chosen, known, SHOWN_ITEMS if item == ALL_ITEMS else (item,))
    return Choice(Of(of), item, waves[0], tuple(waves), tuple(known), tuple(chosen), found)


def _chosen_waves(released: Sequence[Wave], latest: Wave) -> list[Wave]:
    """The waves of `?wave=`, the latest first; a single one with the one before it. 404 for any other."""
    asked = set(request.args.getlist("wave"))
    if asked - {str(wave.id) for wave in released}:
        abort(404)
    chosen = [wave for wave in released if str(wave.id) in asked]
    return chosen if len(chosen) > 1 else releases.waves_until(latest, 2)


def _departments(
    waves: Sequence[Wave], chosen: Sequence[Department], known: Sequence[Department], items: Sequence[str]
) -> Comparisons:
    if not chosen:
        return comparisons.extremes(waves[0], known, items[0])
    return comparisons.between([Side(department, waves[0]) for department in chosen], items)


def _waves(
    waves: Sequence[Wave], chosen: Sequence[Department], known: Sequence[Department], items: Sequence[str]
) -> Comparisons:
    pairs = [
        (Side(department, later), Side(department, earlier))
        for department in chosen or known
        for later, earlier in combinations(waves, 2)
    ]
    return comparisons.inside(pairs, items)


def _outside(
    waves: Sequence[Wave], chosen: Sequence[Department], known: Sequence[Department], items: Sequence[str]
) -> Comparisons:
    return comparisons.with_outside(waves[0], chosen or known, items)


COMPARED: dict[Of, Callable[..., Comparisons]] = {
    Of.DEPARTMENTS: _departments,
    Of.WAVES: _waves,
    Of.OUTSIDE: _outside,
}


@blueprint.get("")
@hr_only
def page() -> str:
    """The comparison that the address asks for, and the form that asks for another."""
    released = releases.released_waves()
    choice = chosen_comparisons(released)
    return render_template(
        "compare/page.html",
        waves=released,
        wave=choice and choice.wave,
        choice=choice,
        items=SHOWN_ITEMS,
        all_items=ALL_ITEMS,
        kinds=Of,
        side_name=side_name,
        sentence=sentence,
        chance=chance,
        gist=gist,
    )


# --- In words ------------------------------------------------------------------------------------------------------


def side_name(side: Side, of: Of) -> str:
    """What tells this side from the other one."""
    if of is Of.WAVES:
        return _in_wave(side)
    if of is Of.OUTSIDE:
        asked = _("customers") if side.outside else _("colleagues")
        return _("%(department)s, %(asked)s", department=side.department.name, asked=asked)
    return side.department.name


def _in_wave(side: Side) -> str:
    day = wording.short_day(side.wave.local_date)
    return _("%(department)s, %(day)s", department=side.department.name, day=day)


def sentence(row: Comparison, of: Of, family: int) -> str:
    """What a comparison says, in a plain sentence."""
    if row.verdict is Verdict.REAL:
        return _real(row, of)
    if row.verdict is Verdict.NOT_ENOUGH:
        return _too_few(row)
    return {
        Verdict.ALIKE: _("Colleagues and customers are served alike: almost certainly within 5 points."),
        Verdict.NONE: _("No difference that these answers can show."),
        Verdict.CHANCE: _(
            "By itself it would look real, but of %(num)s comparisons one so large may well be chance.", num=family
        ),
    }[row.verdict]


def _real(row: Comparison, of: Of) -> str:
    if of is Of.WAVES:
        return _change(row)
    if of is Of.OUTSIDE:
        return _leaning(row)
    return _(
        "%(high)s serves better than %(low)s; the difference is too large to be chance.",
        high=row.higher.department.name,
        low=row.lower.department.name,
    )


def _change(row: Comparison) -> str:
    """How a department has changed; `a` is the later wave."""
    words = {
        "department": row.a.department.name,
        "later": wording.short_day(row.a.wave.local_date),
        "earlier": wording.short_day(row.b.wave.local_date),
    }
    if row.higher is row.a:
        return _(
            "%(department)s served better on %(later)s than on %(earlier)s; the difference is too large to be chance.",
            **words,
        )
    return _(
        "%(department)s served worse on %(later)s than on %(earlier)s; the difference is too large to be chance.",
        **words,
    )


def _leaning(row: Comparison) -> str:
    """Whom a department serves better, customers or colleagues."""
    name = row.a.department.name
    if row.higher.outside:
        return _(
            "%(department)s serves customers better than colleagues; the difference is too large to be chance.",
            department=name,
        )
    return _(
        "%(department)s serves colleagues better than customers; the difference is too large to be chance.",
        department=name,
    )


def _too_few(row: Comparison) -> str:
    """Why there is no difference: whose answers are too few."""
    if row.b.outside and row.b_figure is None:
        if row.hardly_any:
            return _("There are too few customers' scores to tell a difference.")
        return _("There are no customers' scores to compare it with.")
    few = [side for side, figure in ((row.a, row.a_figure), (row.b, row.b_figure)) if not figure or not figure.interval]
    names = " · ".join(_in_wave(side) for side in few)
    return _("No difference is told: fewer than %(least)s answers (%(sides)s).", least=EXACT_FROM, sides=names)


def chance(p: float | None) -> str:
    """A corrected p as a percentage: "2.1 %"; the smallest that is told is "0.1 % or less"."""
    if p is None:
        return ""
    shown = wording.small_percent(p)
    return _("%(share)s or less", share=shown) if p <= 0.001 else shown


def gist(found: Comparisons, is_complete: bool = True) -> str:
    """What the whole page says, in a sentence; of a choice that is not complete, that nothing is compared."""
    if not is_complete:
        return _("Nothing is compared yet.")
    if not found.family:
        return _("No difference can be told here.")
    if not found.real:
        return _("There is no difference here that these answers can show.")
    return ngettext(
        "%(num)d difference is too large to be chance.", "%(num)d differences are too large to be chance.", found.real
    )
