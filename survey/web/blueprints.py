"""Every blueprint of the application, in the order of its readers: all, employees, leads, HR, machines."""

from survey.web import (
    account,
    api,
    commitments,
    hr,
    lead,
    mailroom,
    planning,
    questionnaire,
    receipt,
    replies,
    respond,
    staff,
)

PAGES = (account, respond, receipt, lead, replies, commitments, hr, planning, questionnaire, staff, mailroom, api)
BLUEPRINTS = tuple(page.blueprint for page in PAGES)
