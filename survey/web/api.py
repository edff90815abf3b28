"""For machines: is the service alive, is it ready?"""

from flask import Blueprint, Response

from survey.database import DATABASE_ERRORS, pending_migrations
from survey.models import database
from survey.web import meters

blueprint = Blueprint("api", __name__)


@blueprint.get("/livez")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@blueprint.get("/readyz")
def ready() -> tuple[dict[str, str], int]:
    """The database answers and its tables are up to date."""
    try:
        with database.connection_context():
            pending = pending_migrations()
    except DATABASE_ERRORS:
        return {"status": "the database cannot be reached"}, 503
    if pending:
        return {"status": f"migrations are pending: {', '.join(pending)}"}, 503
    return {"status": "ready"}, 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """What is watched, for Prometheus."""
    return meters.page()
