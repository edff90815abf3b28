"""Parts of pages that are rendered once: by all that they are made of, and never what is one reader's own."""

import pytest
from markupsafe import Markup

from survey.models import Department, Invitation
from survey.signing import invitation_token
from survey.web import parts
from survey.web.parts import Parts
from tests.cast import Company


def test_a_part_is_rendered_once_for_each_key() -> None:
    found, rendered = Parts(), []

    def render() -> Markup:
        rendered.append(1)
        return Markup(len(rendered))

    keys = ("thanks", "es"), ("thanks", "es"), ("thanks", "en")
    assert [found.remembered(*key, caller=render) for key in keys] == ["1", "1", "2"]
    assert found.remembered("thanks", "es", caller=render, unless=True) == "3"
    assert found.remembered("thanks", "es", caller=render) == "1"


def test_what_is_kept_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 3)
    found = Parts()
    for number in range(10):
        assert found.remembered("part", number, caller=lambda number=number: Markup(number)) == str(number)
    assert len(found._kept) <= 3


def pages(company, settings, client) -> list[str]:
    wave = company.open_wave()
    invited = Invitation.select().where(Invitation.wave == wave)
    return [client.get(f"/r/{invitation_token(found.id, settings)}").text for found in invited]


def test_no_page_holds_another_readers_link_draft_or_code(company: Company, settings, client) -> None:
    found = pages(company, settings, client)
    own = [page.split('data-draft="')[1].split('"')[0] for page in found]
    codes = [line for page in found for line in page.splitlines() if "-code" in line]
    assert len(set(own)) == len(found)
    assert len({code.split('value="')[1] for code in codes}) == len(codes) > len(found)
    for place, page in enumerate(found):
        assert all(other not in page for other in own[:place] + own[place + 1 :])


def test_a_department_that_is_renamed_has_its_new_name_at_once(company: Company, settings, client) -> None:
    company.ask_only_about("IT")
    wave = company.open_wave()
    asked = Invitation.get(Invitation.wave == wave, Invitation.person == company.charlie)
    address = f"/r/{invitation_token(asked.id, settings)}"
    assert "<bdi>IT</bdi>" in client.get(address).text
    Department.update(name="Informática").where(Department.key == "it").execute()
    page = client.get(address).text
    assert "<bdi>Informática</bdi>" in page
    assert "<bdi>IT</bdi>" not in page
