"""The lead's page: what the clients of one's own departments say."""

from flask import Blueprint, render_template, url_for
from flask_login import current_user

from survey import headlines, hindrances, mirrors, receipts, reflections, releases
from survey.models import Department
from survey.receipts import news_first
from survey.signing import subscriber_token
from survey.summaries import lead_summary
from survey.web.access import leads_only, settings
from survey.web.choices import chosen_wave
from survey.web.commitments import boards
from survey.web.complaints import clocks_of
from survey.web.pictures import item_bars
from survey.web.said import Said, said

blueprint = Blueprint("lead", __name__, url_prefix="/lead")


@blueprint.get("/")
@leads_only
def results(departments: list[Department]) -> str:
    """The release chosen in the address, or the latest, for the departments that the reader leads."""
    waves = releases.released_waves()
    wave = chosen_wave(waves)
    led = mirrors.rated(departments)
    waiting = [(found, led) for found in mirrors.waiting_for(led)]
    if wave is None:
        return render_template("lead/nothing_yet.html", departments=departments, waiting=waiting)
    summary = lead_summary(wave, departments)
    ids = [department.id for department in departments]
    pictures = {found.department.id: item_bars(found) for found in summary.departments if found.lines}
    threads = receipts.threads(comment for found in summary.departments for comment in found.comments or ())
    written: dict[int, Said | None] = {
        of.department.id: None if of.comments is None else said(of.department, news_first(of.comments, threads))
        for of in summary.departments
    }
    return render_template(
        "lead/results.html",
        waves=waves,
        wave=wave,
        summary=summary,
        gist=headlines.of_page(summary),
        pictures=pictures,
        clocks=clocks_of(wave, waves, *ids),
        within=settings().reply_days,
        boards=boards(wave, {department: page.comments if page else None for department, page in written.items()}),
        said=written,
        threads=threads,
        characters=receipts.REPLY_CHARACTERS,
        waiting=waiting,
        own=reflections.lead_reflections(current_user.person, wave, ids),
        theirs=reflections.reflections(wave, ids),
        excuses=hindrances.own_excuses(current_user.person, wave, ids),
        choice=url_for("subscription.choose", token=subscriber_token(current_user.person.id, settings())),
    )
