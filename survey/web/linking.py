"""HR's page about service links: which department uses which other one, and how much."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from survey import links, wording
from survey.links import Grid, LinksChanged, Pair
from survey.models import Department
from survey.web.access import department_or_404, hr_only

blueprint = Blueprint("linking", __name__, url_prefix="/hr/people/links")

STEPS = tuple(step / 10 for step in range(11))  # weights to choose from; 0 is no link
SOME, MUCH = 0.5, 1.0
WIDEST_GRID = 20  # departments; beyond, one client at a time


@blueprint.route("", methods=["GET", "POST"])
@hr_only
def grid() -> str | Response | tuple[str, int]:
    """All links, or those of one client with `?client=`; saved all together, or not at all."""
    client = department_or_404(request.args["client"]) if request.args.get("client") else None
    shown = links.grid(client)
    if request.method != "POST":
        return _page(shown, client, shown.weights)
    wanted = _wanted(shown)
    try:
        count = links.save(wanted, request.form.get("seen", ""), client)
    except LinksChanged as refused:
        return _page(shown, client, wanted, fault=wording.refusal(refused)), 409
    if count:
        flash(ngettext("%(num)d link is changed.", "%(num)d links are changed.", count))
    else:
        flash(_("Nothing was different, so nothing is changed."))
    return redirect(url_for("linking.grid", client=client.key if client else None))


@blueprint.post("/suggested")
@hr_only
def accept() -> Response:
    """Make the links of one suggestion."""
    provider = department_or_404(request.form.get("provider", ""))
    chosen = request.form.getlist("client")
    clients = list(Department.select().where(Department.key.in_(chosen), Department.active))
    if count := links.add([(client.id, provider.id) for client in clients], SOME):
        flash(ngettext("%(num)d link is added.", "%(num)d links are added.", count))
    else:
        flash(_("They are linked already."))
    return redirect(url_for("linking.grid"))


def _page(shown: Grid, client: Department | None, weights: dict[Pair, float], fault: str = "") -> str:
    """`weights` fill the form; where they differ from what is `shown`, and there is a fault, the page says so."""
    return render_template(
        "linking/grid.html",
        grid=shown,
        client=client,
        departments=links.grid().providers,
        weights=weights,
        steps={step: wording.percent(step) for step in STEPS},  # each is written once, and chosen from in every cell
        some=SOME,
        much=MUCH,
        is_wide=len(shown.providers) > WIDEST_GRID,
        suggestions=links.suggestions(),
        fault=fault,
    )


def _wanted(shown: Grid) -> dict[Pair, float]:
    """What the form says of each pair; a pair that it does not name stays as it is. 400 for what is no weight."""
    wanted = {}
    for client in shown.clients:
        for provider in shown.providers:
            text = request.form.get(f"w-{client.id}-{provider.id}")
            if text is not None and client != provider:
                wanted[client.id, provider.id] = _weight(text)
    return wanted


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        abort(400)
    return weight if 0 <= weight <= 1 else abort(400)
