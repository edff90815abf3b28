"""Every blueprint of the application, in the order of its readers: all, employees, leads, HR, machines."""

from survey.web import (
    account,
    api,
    commitments,
    hr,
    intake,
    launch,
    lead,
    linking,
    mailroom,
    planning,
    questionnaire,
    receipt,
    replies,
    respond,
    rosters,
    staff,
)

PAGES = (
    *(account, respond, receipt),
    *(lead, replies, commitments),
    *(hr, planning, launch, questionnaire, staff, linking, rosters, intake, mailroom),
    api,
)
BLUEPRINTS = tuple(page.blueprint for page in PAGES)
