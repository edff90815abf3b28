"""HR's pages about people: who works where, who leads, and which departments each one uses."""

from flask import Blueprint, render_template

from survey import deliveries
from survey import people as company
from survey.web.access import hr_only

blueprint = Blueprint("staff", __name__, url_prefix="/hr/people")


@blueprint.get("")
@hr_only
def people() -> str:
    """Who works where, who leads, and who uses whom."""
    return render_template("staff/people.html", entries=company.directory(), bounces=deliveries.bounces())
