"""Files of service links: all or nothing, and as often as one likes."""

from pathlib import Path

import pytest

from survey import links, responses
from survey.links import LinksChanged, import_links
from survey.models import ClientGroupDepartment, Department, Invitation, ServiceLink
from survey.responses import Answer
from survey.settings import Settings
from survey.sheets import ImportRefused
from tests.cast import Company, asked_by

LINKS = "client,provider,weight\nFinance,Atención al Cliente,0.5\nAtención al Cliente,Finance,1\n"


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Where files are; two departments are known."""
    Department.create(key="finance", name="Finance")
    Department.create(key="atencion-al-cliente", name="Atención al Cliente")
    return tmp_path


def take_links(folder: Path, text: str = LINKS, **options: bool) -> dict[str, int]:
    path = folder / "links.csv"
    path.write_text(text, encoding="utf-8")
    return {what: n for what, n in import_links(path, **options).counts.items() if n}


def link_faults(folder: Path, *lines: str) -> tuple[str, ...]:
    with pytest.raises(ImportRefused) as refused:
        take_links(folder, "\n".join(["client,provider,weight", *lines]))
    assert ServiceLink.select().count() == 0
    return refused.value.faults


def test_links_are_added_once_and_changed_when_the_weight_differs(folder: Path) -> None:
    assert take_links(folder) == {"links added": 2}
    assert take_links(folder) == {"links unchanged": 2}
    assert take_links(folder, LINKS.replace("0.5", "0.7")) == {"links changed": 1, "links unchanged": 1}


def test_only_a_complete_file_removes_links(folder: Path) -> None:
    take_links(folder)
    shorter = "client,provider,weight\nFinance,Atención al Cliente,0.5\n"
    assert take_links(folder, shorter) == {"links unchanged": 1}
    assert take_links(folder, shorter, complete=True) == {"links unchanged": 1, "links removed": 1}


def test_a_rehearsal_of_links_changes_nothing(folder: Path) -> None:
    assert take_links(folder, rehearse=True) == {"links added": 2}
    assert ServiceLink.select().count() == 0


def test_departments_are_known_by_name_or_key_and_weights_may_have_a_comma(folder: Path) -> None:
    take_links(folder, "client;provider;weight\nFINANCE;atencion-al-cliente;0,25\n")
    assert ServiceLink.get().weight == 0.25


def test_a_link_to_an_unknown_department_is_refused(folder: Path) -> None:
    faults = link_faults(folder, "Finance,Atención al Cliente,1", "Finance,Magic,1")
    assert faults == (
        'links.csv, line 3, column "provider": "Magic" is no department; import its people first, or mend the name.',
    )


def test_a_department_cannot_serve_itself(folder: Path) -> None:
    faults = link_faults(folder, "Finance,finance,1")
    assert faults == ('links.csv, line 2, column "provider": a department cannot be its own provider.',)


@pytest.mark.parametrize("weight", ["0", "1"])
def test_a_weight_may_lie_on_either_end(folder: Path, weight: str) -> None:
    assert take_links(folder, f"client,provider,weight\nFinance,Atención al Cliente,{weight}\n") == {"links added": 1}


@pytest.mark.parametrize("weight", ["-0.01", "1.01", "", "much"])
def test_a_weight_outside_0_to_1_is_refused(folder: Path, weight: str) -> None:
    faults = link_faults(folder, f"Finance,Atención al Cliente,{weight}")
    assert faults == (f'links.csv, line 2, column "weight": "{weight}" is no weight; write a number from 0 to 1.',)


def test_the_same_link_twice_is_refused(folder: Path) -> None:
    faults = link_faults(folder, "Finance,Atención al Cliente,1", "finance,atencion-al-cliente,0.5")
    assert faults == ("links.csv, line 3: the same client and provider stand on line 2 as well.",)


# --- The grid ------------------------------------------------------------------------------------------------------


def test_a_grid_is_saved_when_it_is_the_one_that_was_seen(company: Company) -> None:
    sales, it = company.departments["Sales"], company.departments["IT"]
    seen = links.grid().digest
    assert links.save({(sales.id, it.id): 0.5, (it.id, sales.id): 0, (it.id, it.id): 1, (99, it.id): 1}, seen) == 2
    found = links.grid().weights
    assert (found[sales.id, it.id], found.get((it.id, sales.id))) == (0.5, None)
    with pytest.raises(LinksChanged):
        links.save({(sales.id, it.id): 0.7}, seen)
    assert links.grid().weights == found


def test_one_clients_links_are_saved_whatever_happens_to_others(company: Company) -> None:
    sales, it = company.departments["Sales"], company.departments["IT"]
    seen = links.grid(sales).digest
    ServiceLink.update(weight=0.1).where(ServiceLink.client == it).execute()
    assert links.save({(sales.id, it.id): 0.5, (it.id, sales.id): 1}, seen, sales) == 1
    ServiceLink.update(weight=0.2).where(ServiceLink.client == sales).execute()
    with pytest.raises(LinksChanged):
        links.save({(sales.id, it.id): 1}, seen, sales)


def test_a_link_that_is_there_is_not_added_again(company: Company) -> None:
    sales, it = company.departments["Sales"], company.departments["IT"]
    ServiceLink.update(weight=0).where(ServiceLink.client == sales, ServiceLink.provider == it).execute()
    assert links.add([(sales.id, it.id), (it.id, sales.id), (it.id, it.id)], 0.5) == 1
    assert links.grid().weights[sales.id, it.id] == 0.5


def test_what_enough_people_added_in_a_real_wave_is_suggested(company: Company) -> None:
    sales, legal = company.departments["Sales"], company.departments["Legal"]
    ServiceLink.delete().where(ServiceLink.provider == legal).execute()
    wave = company.open_wave()
    for invitation in (
        Invitation.select()
        .join(ClientGroupDepartment, on=(ClientGroupDepartment.client_group == Invitation.client_group))
        .where(ClientGroupDepartment.department == sales)
        .limit(6)
    ):
        responses.accept(asked_by(invitation.id), [Answer(legal.id, {"overall": 4})])
    company.close_wave(wave)
    suggested = [(one.provider.key, [client.key for client in one.clients], one.waves) for one in links.suggestions()]
    assert suggested == [("legal", ["sales"], 1)]
    links.add([(sales.id, legal.id)], 0.5)
    assert links.suggestions() == []
