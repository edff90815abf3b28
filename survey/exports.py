"""Files of well-known survey tools, recognised by the names of their columns.

The names are those that the tools document (Zendesk: satisfaction ratings of the API; Delighted: survey responses of
the API; HubSpot: properties of feedback submissions; Typeform and Qualtrics: their CSV exports). They are compared as
slugs, so that "Survey type", "survey_type" and "Survey Type" are one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from survey.sheets import slug

RECOMMENDATION = re.compile(r"\bnps\b|net promoter|recom+end|recomiend", re.IGNORECASE)
NPS = "nps"


@dataclass(frozen=True)
class Export:
    """Columns and kinds are slugs. `signs`: sets of columns of which a file of this tool has one whole set."""

    name: str
    signs: tuple[frozenset[str], ...]
    dates: tuple[str, ...]  # when an answer was given; the first that is there
    scores: frozenset[str] = frozenset()  # empty: each file has its own questions
    touchpoints: tuple[str, ...] = ()  # tells what was rated, where one file has several
    never_scores: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = ()  # tells which kind of survey a row is from
    passed_over: frozenset[str] = frozenset({NPS})  # kinds whose rows cannot be compared, or come from no customer
    scales: dict[str, tuple[float, float]] = field(default_factory=dict)  # (lowest, highest) by kind; "": any
    words: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)  # reason → codes


EXPORTS = (
    Export(
        name="Qualtrics",
        signs=(frozenset({"startdate", "enddate", "recordeddate"}), frozenset({"startdate", "enddate", "responseid"})),
        dates=("recordeddate", "enddate"),
        never_scores=frozenset(
            [
                *("startdate", "enddate", "status", "ipaddress", "progress", "duration-in-seconds", "finished"),
                *("recordeddate", "responseid", "recipientlastname", "recipientfirstname", "recipientemail"),
                *("externalreference", "locationlatitude", "locationlongitude", "distributionchannel", "userlanguage"),
            ]
        ),
        kinds=("status",),
        passed_over=frozenset({"survey-preview", "1", "survey-test", "2", "spam", "8"}),
    ),
    Export(
        name="Zendesk",
        signs=(frozenset({"ticket-id", "score", "assignee-id"}), frozenset({"ticket-id", "score", "requester-id"})),
        dates=("created-at", "updated-at"),
        scores=frozenset({"score"}),
        scales={"": (0, 1)},  # good or bad, and nothing between
        words={
            "good": 1,
            "good_with_comment": 1,
            "good_without_comment": 1,
            "bad": 0,
            "bad_with_comment": 0,
            "bad_without_comment": 0,
        },
        left_out={"blank": ["offered", "unoffered"]},
    ),
    Export(
        name="Delighted",
        signs=(frozenset({"score", "comment", "survey-type"}), frozenset({"score", "comment", "permalink"})),
        dates=("created-at", "response-date", "date"),
        scores=frozenset({"score"}),
        kinds=("survey-type",),
    ),
    Export(
        name="HubSpot",
        signs=(frozenset({"survey-type", "survey-name", "rating"}), frozenset({"hs-survey-type", "hs-value"})),
        dates=("date", "submission-date", "hs-submission-timestamp", "create-date", "hs-createdate"),
        scores=frozenset({"rating", "hs-value"}),
        touchpoints=("survey-name", "hs-survey-name"),
        kinds=("survey-type", "hs-survey-type"),
        scales={"csat": (0, 2), "ces": (1, 7)},
    ),
    Export(
        name="Typeform",
        signs=(frozenset({"start-date-utc", "submit-date-utc"}),),
        dates=("submit-date-utc", "start-date-utc"),
        never_scores=frozenset({"", "network-id", "start-date-utc", "submit-date-utc"}),
    ),
)


def recognise(columns: Sequence[str]) -> Export | None:
    """The tool that writes files with these columns."""
    present = {slug(column) for column in columns}
    return next((export for export in EXPORTS if any(signs <= present for signs in export.signs)), None)


def is_recommendation(text: str) -> bool:
    """Whether a question asks if one would recommend (NPS), which is never set against a mean."""
    return bool(RECOMMENDATION.search(text.replace("_", " ")))
