"""The page /metrics in Prometheus' form: what this installation has counted, and what the database says.

Requests are counted by the name of their page, never by an address, which may hold a token. Pages of employees are left
out, unless they fail: whoever watches a counter and a colleague could tell when the colleague answered. For the same
reason nothing is said of the processor's time, of settled mails or of answers.
"""

import time
from collections import Counter as Done
from collections.abc import Callable, Collection, Iterator, Mapping
from hmac import compare_digest
from os import environ

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from survey.database import DATABASE_ERRORS
from survey.models import database
from survey.scheduler import present
from survey.settings import COUNTED_TOGETHER
from survey.vitals import Vitals, vitals

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)  # seconds
EMPLOYEES = "employees"  # in place of the names of their pages

Job = Callable[[int], Done[str]]

own = CollectorRegistry()
requests = Counter("espejo_requests", "Requests, by page and status.", ["endpoint", "status"], registry=own)
seconds = Histogram("espejo_request_seconds", "How long a page took.", ["endpoint"], buckets=BUCKETS, registry=own)
away = Counter("espejo_database_away", "Requests that were told to come back, as the database was away.", registry=own)
jobs = Histogram("espejo_job_seconds", "How long a job of the clock took.", ["job"], buckets=BUCKETS, registry=own)
closing = Histogram(
    "espejo_closing_seconds", "How long it took to close waves.", buckets=(1, 5, 15, 60, 300, 900), registry=own
)


class FromDatabase(Collector):
    """What the database says at the moment of asking; only that it is away, when it is."""

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        try:
            with database.connection_context():
                found = vitals(present())
        except DATABASE_ERRORS:
            yield GaugeMetricFamily("espejo_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("espejo_database_up", "Whether the database answers.", 1)
        yield from _families(found)


def _families(found: Vitals) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
    mails = GaugeMetricFamily("espejo_mails", "Mails that are not settled, by state.", labels=["state"])
    for state, count in found.mails.items():
        mails.add_metric([state], count)
    yield mails
    yield GaugeMetricFamily(
        "espejo_mail_wait_seconds", "For how long the oldest mail has been due.", found.mail_waits_seconds
    )
    yield GaugeMetricFamily("espejo_mail_paused", "Whether mail is paused.", found.mail_is_paused)
    yield GaugeMetricFamily("espejo_waves_open", "Waves that are open.", found.waves_open)
    yield GaugeMetricFamily("espejo_waves_late", "Waves that should have opened or closed.", found.waves_late)
    yield GaugeMetricFamily("espejo_clock_held", "Whether a process runs the clock.", bool(found.clock_holder))
    if found.clock_holder:
        yield InfoMetricFamily("espejo_clock", "Which process runs the clock.", {"holder": found.clock_holder})
    if found.ticked_seconds_ago is not None:
        yield GaugeMetricFamily("espejo_clock_age_seconds", "When the clock last ticked.", found.ticked_seconds_ago)


def install(app: Flask, told: Collection[str]) -> None:
    """Count what is asked of `app`; pages of other blueprints than `told` are employees'."""
    app.before_request(_begin)
    app.after_request(lambda response: _count(response, request.blueprint in told))


def _begin() -> None:
    g.began = time.perf_counter()


def _count(response: Response, is_told: bool) -> Response:
    if response.status_code >= 500 or is_told:
        endpoint = str(request.endpoint) if is_told else EMPLOYEES
        requests.labels(endpoint, response.status_code).inc()
    if is_told:
        seconds.labels(request.endpoint).observe(time.perf_counter() - g.began)
    if response.status_code == 503 and request.endpoint != "api.ready":
        away.inc()
    return response


def timed(works: Mapping[str, Job]) -> dict[str, Job]:
    """The jobs of the clock; each notes how long it took when it has ended well."""
    return {name: _timed(name, job) for name, job in works.items()}


def _timed(name: str, job: Job) -> Job:
    def noting(now: int) -> Done[str]:
        began = time.perf_counter()
        done = job(now)
        took = time.perf_counter() - began
        jobs.labels(name).observe(took)
        if done["waves closed"]:
            closing.observe(took)
        return done

    return noting


def page() -> Response:
    """All figures for whoever shows the token; without a token in the settings there is no such page."""
    token = current_app.config["ESPEJO"].metrics_token
    if not token:
        return Response(status=404)
    if not compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        return Response(status=401, headers={"WWW-Authenticate": "Bearer"})
    counted = generate_latest(_all_processes() if COUNTED_TOGETHER in environ else own)
    global_ones = CollectorRegistry()
    global_ones.register(FromDatabase())
    return Response(counted + generate_latest(global_ones), content_type=CONTENT_TYPE_LATEST)


def _all_processes() -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry
