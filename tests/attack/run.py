"""One random company, from its first wave to the attacker's findings."""

from collections.abc import Callable, Iterator
from unittest import mock

from flask import Flask
from flask.testing import FlaskClient

from survey import outbox
from survey.emails import composer
from survey.models import Department, Leadership, Message, Person, Wave
from survey.settings import Settings
from tests.attack import published
from tests.attack.attacker import Outcome, break_in
from tests.attack.companies import Laboratory, RandomCompany, clients_by_group, divisions
from tests.attack.published import Figure
from tests.mails import read


def by_export(laboratory: Laboratory, seed: int, *, one_by_one: bool = False) -> Outcome:
    """Attack what the download of each release tells: every cell and every provider's total.

    by_everything shows that all else that is published are sums of these cells, which cannot tell more.
    """
    no_mail = mock.patch.object(outbox, "queue")  # nobody reads it here
    with no_mail, laboratory.company(seed, one_by_one=one_by_one) as company:
        hr = laboratory.sign_in(company.hr)
        figures: set[Figure] = set()
        for wave in live(company):
            figures.update(published.export_json(hr, wave.id))
        return break_in(figures, company.truth, company.k, divisions(), company.raters)


def by_everything(laboratory: Laboratory, seed: int) -> Outcome:
    """Attack all pages, exports and mails."""
    with laboratory.company(seed, one_by_one=True) as company:
        hr = laboratory.sign_in(company.hr)
        downloaded: set[Figure] = set()  # as soon as a wave had closed
        mailed: set[Figure] = set()
        closed = []
        for wave in live(company, while_open=lambda wave: check_participation(hr, wave, company.k)):
            closed.append(wave)
            downloaded.update(published.export_json(hr, wave.id))
            mailed.update(mails(laboratory.app, laboratory.settings, wave, company.k))
        active = list(Department.select().where(Department.active))
        leads = Person.select().join(Leadership).join(Department).where(Person.active, Department.active).distinct()
        browsers = [laboratory.sign_in(lead) for lead in leads]
        on_pages = published.everything(hr, browsers, closed, [department.key for department in active])
        for wave in closed:
            asked = list(published.turnout(hr, wave.id))
            assert len(asked) >= 2
            assert min(asked) >= company.k, "A turnout is told of fewer than k people."
        cells = {figure for figure in on_pages | mailed if figure.is_cell}
        assert cells <= downloaded, "A page shows a cell that the download does not."
        assert mailed <= on_pages | downloaded, "A mail tells a figure that no page does."
        figures = on_pages | mailed | downloaded
        return break_in(figures, company.truth, company.k, divisions(), company.raters)


def live(company: RandomCompany, while_open: Callable[[Wave], object] = lambda wave: None) -> Iterator[Wave]:
    """The company's waves, each as soon as it has closed."""
    for number in range(company.waves_to_come):
        if number:
            company.live_on()
        wave = company.run_wave()
        while_open(wave)
        yield company.close_wave(wave)


def check_participation(hr: FlaskClient, wave: Wave, k: int) -> None:
    """Who has answered is told of the groups in which people are asked, each of at least k, and of no other."""
    rows = published.participation(hr)
    assert all(row.invited >= k for row in rows)
    assert {row.clients for row in rows} <= set(clients_by_group(wave).values())


def mails(app: Flask, settings: Settings, wave: Wave, k: int) -> Iterator[Figure]:
    """What the leads and HR are written about `wave`."""
    compose = composer(app, settings)
    kinds = {outbox.SUMMARY: published.summary, outbox.COMPANY: published.company_summary}
    written = list(Message.select().where(Message.kind.in_(list(kinds)), Message.wave == wave))
    assert {message.kind for message in written} == set(kinds)
    for message in written:
        mail = read(compose(message, wave.closes_at))
        assert min(published.asked_in(mail), default=k) >= k, "A turnout is told of fewer than k people."
        yield from kinds[message.kind](mail, wave.id)
