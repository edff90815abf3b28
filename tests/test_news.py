"""Which piece of a department's results is the news."""

from types import SimpleNamespace

import pytest

from survey.company import CompanySummary
from survey.findings import Family
from survey.measure.disclosure import Change, Figure
from survey.measure.gaps import State
from survey.measure.scale import OVERALL, SHOWN_ITEMS
from survey.measure.sight import Sight
from survey.models import Department, Wave
from survey.news import Kind, company_news, hardest, news, praised, real_changes, telling
from survey.reflections import LeadReflection
from survey.releases import Clients
from survey.summaries import DepartmentSummary, Line
from survey.turnout import Participation

MEANS = {"overall": 68, "promises": 80, "diligence": 70, "flexibility": 66, "openness": 50, "improvement": 64}


def line(item: str, mean: int, change: tuple[int, float] | None = None, gap: tuple[int, State] | None = None) -> Line:
    """`change`: (points, p); `gap`: (points, state)."""
    figure = Figure(people=(20, 49), mean=mean, approximate=False)
    difference = SimpleNamespace(points=gap[0]) if gap else None
    row = SimpleNamespace(gap=SimpleNamespace(difference=difference, state=gap[1])) if gap else None
    moved = Change(change[0], (change[0] - 3, change[0] + 3), change[1]) if change else None
    return Line(item, figure, moved, row)  # type: ignore[arg-type]


def summary(means: dict[str, int] = MEANS, **special: dict[str, tuple[int, object]]) -> DepartmentSummary:
    """Items with `means`; `special` gives an item's change or gap."""
    lines = tuple(line(item, means[item], **special.get(item, {})) for item in SHOWN_ITEMS if item in means)
    return DepartmentSummary(Department(key="sales", name="Sales"), (20, 49), lines, ())


def told(found: DepartmentSummary) -> tuple[Kind, str] | None:
    first = news(found)
    return (first.kind, first.line.item) if first else None


def test_the_largest_real_change_comes_first():
    found = summary(promises={"change": (5, 0.001)}, openness={"change": (-9, 0.002)})
    assert told(found) == (Kind.CHANGE, "openness")


def test_a_change_that_chance_explains_is_no_news():
    assert told(summary(promises={"change": (9, 0.06)})) == (Kind.WEAKEST, "openness")


@pytest.mark.parametrize(("p", "real"), [(0.008, ["promises"]), (0.009, [])])
def test_six_looks_ask_for_a_sixth_of_the_usual_p(p: float, real: list[str]):
    others = {item: {"change": (0, 0.9)} for item in SHOWN_ITEMS if item != "promises"}
    found = summary(promises={"change": (6, p)}, **others)
    assert [line.item for line in real_changes(found)] == real


def test_of_two_equal_changes_the_one_read_first_counts():
    found = summary(improvement={"change": (6, 0.001)}, overall={"change": (-6, 0.001)})
    assert told(found) == (Kind.CHANGE, OVERALL)


def test_else_the_weakest_practice_never_the_sum_of_all():
    assert told(summary({**MEANS, "overall": 10})) == (Kind.WEAKEST, "openness")


@pytest.mark.parametrize(("weakest", "kind"), [(74, Kind.WEAKEST), (75, Kind.GAP)])
def test_where_nothing_is_hard_the_widest_gap_is_the_news(weakest: int, kind: Kind):
    means = {**dict.fromkeys(SHOWN_ITEMS, 90), "openness": weakest}
    gaps = {"promises": {"gap": (-8, State.FACADE)}, "diligence": {"gap": (20, State.NOT_ENOUGH)}}
    assert news(summary(means, **gaps)).kind is kind  # type: ignore[union-attr]


def test_a_gap_is_only_news_when_it_is_one():
    means = {**dict.fromkeys(SHOWN_ITEMS, 90), "openness": 80}
    gaps = {"promises": {"gap": (-8, State.FACADE)}, "overall": {"gap": (9, State.INWARD)}}
    assert told(summary(means, **gaps)) == (Kind.GAP, OVERALL)
    assert told(summary(means, promises={"gap": (-40, State.NOT_ENOUGH)})) is None


def test_what_publishes_nothing_has_no_news():
    assert told(summary({})) is None
    assert told(summary({"overall": 40})) is None


@pytest.mark.parametrize(("strongest", "praise"), [(59, None), (60, "promises")])
def test_a_strength_is_at_least_sixty(strongest: int, praise: str | None):
    found = praised(summary({**dict.fromkeys(SHOWN_ITEMS, 50), "promises": strongest}))
    assert (found.item if found else None) == praise


def test_where_all_practices_are_alike_none_is_praised_and_none_is_hard():
    found = summary(dict.fromkeys(SHOWN_ITEMS, 65))
    assert praised(found) is hardest(found) is None


# --- The company's, and what mirrors say ---------------------------------------------------------------------------


def company_of(lines: tuple[Line, ...], changes: tuple = (), facades: tuple = ()) -> CompanySummary:
    everybody = Participation(Clients((), others=False), 59, 50)
    return CompanySummary(
        Wave(id=1),
        lines,
        Family(changes, len(changes)),
        facades,
        everybody,
        None,
        (),
        (),
    )


def test_the_companys_news_is_a_change_else_the_weakest_practice_else_a_facade():
    lines, alike = summary().lines, summary(dict.fromkeys(SHOWN_ITEMS, 90)).lines
    assert company_news(company_of(lines, ("first", "second"), ("widest",))) == "first"
    assert company_news(company_of(lines, (), ("widest",))) == summary().weakest
    assert company_news(company_of(alike, (), ("widest", "next"))) == "widest"
    assert company_news(company_of(alike)) is None


def mirror(item: str, points: int | None, sight: Sight) -> LeadReflection:
    shown = Figure(people=(20, 49), mean=50, approximate=False)
    blindness = None if points is None else Change(points, (points - 2, points + 2), 0.001)
    return LeadReflection(item, shown, 75, 75, blindness, sight, 0)


def test_of_the_mirrors_all_in_all_and_the_one_that_errs_most_are_told():
    mirrors = [
        mirror(OVERALL, 1, Sight.CLEAR),
        mirror("promises", 9, Sight.BLIND),
        mirror("diligence", -20, Sight.MODEST),
        mirror("openness", 40, Sight.UNSURE),
        mirror("improvement", None, Sight.UNSURE),
    ]
    assert [one.item for one in telling(mirrors)] == [OVERALL, "diligence"]
    assert telling(mirrors[3:]) == []
