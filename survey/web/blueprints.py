"""Every blueprint of the application, in the order of its readers: all, employees, leads, HR, machines."""

from survey.web import (
    account,
    api,
    commitments,
    compare,
    complaints,
    department,
    download,
    hr,
    intake,
    launch,
    lead,
    linking,
    mailroom,
    matrix,
    mirror,
    planning,
    questionnaire,
    receipt,
    replies,
    respond,
    returns,
    rosters,
    staff,
    subscription,
)

PAGES = (
    *(account, respond, receipt, returns, subscription, mirror),
    *(lead, replies, commitments),
    *(hr, matrix, department, complaints, compare, download),
    *(planning, launch, questionnaire, staff, linking, rosters, intake, mailroom),
    api,
)
BLUEPRINTS = tuple(page.blueprint for page in PAGES)
