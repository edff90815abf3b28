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

FOR_EMPLOYEES = (account, respond, receipt, returns, subscription, mirror)
FOR_LEADS = (lead, replies, commitments)
FOR_HR = (
    *(hr, matrix, department, complaints, compare, download),
    *(planning, launch, questionnaire, staff, linking, rosters, intake, mailroom),
)
FOR_MACHINES = (api,)
BLUEPRINTS = tuple(page.blueprint for page in (*FOR_EMPLOYEES, *FOR_LEADS, *FOR_HR, *FOR_MACHINES))
# Who watches the others' requests learns nothing about who answers when.
WATCHED = frozenset(page.blueprint.name for page in (*FOR_LEADS, *FOR_HR, *FOR_MACHINES))
