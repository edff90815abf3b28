"""Who serves whom: every view adds up whole published groups, or is refused."""

from collections import defaultdict

import pytest

from survey import matrices, releases, waves
from survey.matrices import OTHERS, Matrix, Order, by_department, by_division
from survey.measure.disclosure import figure
from survey.measure.scale import ITEMS
from survey.models import Department, Wave
from survey.releases import Clients
from survey.responses import Answer
from tests.cast import Company, K
from tests.test_releases import about_sales, at_random, random_company, summed, tallies

Published = dict[tuple[str, frozenset[str]], tuple[int, ...]]  # {(provider, its clients): counts}


def groups(table: Matrix, provider: str) -> dict[frozenset[str], tuple[int, int | None]]:
    """{clients shown together: the band of their people} in a provider's row; those of OTHERS as well."""
    ids = {found.name: found.id for found in table.providers}
    names = {column: clients.departments for column, clients in table.columns}
    if (clients := table.others.get(ids[provider])) is not None:
        names[OTHERS] = clients.departments
    return {
        frozenset(names[column]): shown.people for (row, column), shown in table.cells.items() if row == ids[provider]
    }


def put_into(division: str, *names: str) -> None:
    parent, _ = Department.get_or_create(key=division.lower(), name=division)
    Department.update(parent=parent).where(Department.name.in_(names)).execute()


# One wave: totals are sums of what is published


@pytest.mark.parametrize(("seed", "item"), [(1, "overall"), (2, "openness")])
def test_every_margin_of_the_matrix_is_the_sum_of_its_published_cells(company: Company, seed: int, item: str) -> None:
    wave = company.open_wave()
    company.answer(wave, at_random(seed), share=0.9)
    company.close_wave(wave)
    table, published = matrices.by_department([wave], item), tallies(wave, item)
    by_provider, by_clients = defaultdict(list), defaultdict(list)
    for (provider, clients), counts in published.items():
        by_provider[provider].append(counts)
        by_clients[clients].append(counts)
    names = {department.id: department.name for department in Department.select()}
    assert {names[provider]: shown for provider, shown in table.serves.items()} == {
        provider: figure(summed(found), K) for provider, found in by_provider.items()
    }
    alone = {frozenset(clients.departments): column for column, clients in table.columns}
    others = {frozenset(clients.departments) for clients in table.others.values()}
    assert {clients: table.served[column] for clients, column in alone.items()} == {
        clients: figure(summed(found), K) for clients, found in by_clients.items() if clients not in others
    }
    assert table.company == figure(summed(list(published.values())), K)


def test_providers_results_are_the_margin_of_the_matrix(company: Company) -> None:
    wave = company.released_wave(at_random(3))
    table = matrices.by_department([wave], "diligence")
    results = {result.department.id: result.figures.get("diligence") for result in releases.provider_results(wave)}
    assert table.serves == {provider: shown for provider, shown in results.items() if shown}


def test_the_companys_figure_is_the_sum_of_all_cells(company: Company) -> None:
    wave = about_sales(company, ("Finance", 6, 4), ("Logistics", 9, 2))
    assert matrices.by_department([wave], "overall").company == figure((0, 9, 0, 6, 0), K)


def test_how_a_client_is_served_counts_only_where_it_stands_alone(company: Company) -> None:
    """Finance stands alone for Sales (5 raters), and is among the others of Legal (4 raters)."""
    company.ask_only_about("Sales", "Legal")
    wave = company.open_wave()
    sales = company.departments["Sales"].id

    def hard_on_legal(provider: int) -> Answer:
        return Answer(provider, {"overall": 5 if provider == sales else 1})

    company.rate(wave, "Finance", 4, hard_on_legal)
    company.rate(wave, "Finance", 1, lambda provider: Answer(provider, {"overall": 5} if provider == sales else {}))
    company.rate(wave, "Logistics", 6, hard_on_legal)
    table = matrices.by_department([company.close_wave(wave)], "overall")
    names = {column: clients.departments for column, clients in table.columns}
    assert {names[column]: shown.mean for column, shown in table.served.items()} == {
        ("Finance",): 95,
        ("Logistics",): 95,
    }
    assert table.others[company.departments["Legal"].id] == Clients(("Finance", "Logistics"), others=True)


def test_without_anything_published_the_matrix_is_empty(company: Company) -> None:
    wave = about_sales(company, ("Finance", 4, 4))
    assert by_department([wave], "overall") == Matrix("overall", (), (), {}, {}, {}, {}, {}, None, {})


def test_an_open_wave_has_no_matrix(company: Company) -> None:
    wave = company.open_wave()
    company.rate(wave, "Finance", 12)
    assert by_department([wave], "overall").cells == by_division([wave], "overall").cells == {}


def test_how_a_department_serves_lists_its_clients_and_the_others_last(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Logistics", 4, 4), ("Legal", 3, 4))
    rows = matrices.as_provider(matrices.by_department([wave], "overall"), company.departments["Sales"])
    assert [(clients.departments, clients.others) for clients, _ in rows] == [
        (("Finance",), False),
        (("IT", "Legal", "Logistics"), True),
    ]


def test_how_a_department_is_served_names_the_group_it_was_asked_in(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Legal", 3, 4), ("IT", 2, 4))
    rows = matrices.as_client(matrices.by_department([wave], "overall"), company.departments["Legal"])
    assert [(provider.name, clients.departments) for provider, clients, _ in rows] == [("Sales", ("IT", "Legal"))]


@pytest.mark.parametrize("seed", range(3))
def test_no_cell_shows_a_mean_finer_than_its_people_allow(company: Company, seed: int) -> None:
    table = matrices.by_department([random_company(company, seed)], "overall")
    small = [shown for shown in table.cells.values() if shown.people[0] < 10]
    assert all(shown.approximate and shown.mean % 5 == 0 and shown.interval is None for shown in small)
    assert all(provider in table.others for provider, column in table.cells if column == OTHERS)


# Several waves together


def test_a_window_ends_with_its_wave_and_holds_released_ones_alone(company: Company) -> None:
    closed = [company.released_wave() for _ in range(3)]
    company.open_wave()
    for count, expected in ((1, 1), (2, 2), (3, 3), (4, 3)):
        assert releases.waves_until(closed[2], count) == closed[::-1][:expected]
    assert releases.waves_until(closed[1], 4) == [closed[1], closed[0]]


def test_clients_who_stood_alone_each_time_do_so_in_the_window(company: Company) -> None:
    window = [about_sales(company, ("Finance", 5, 4), ("Logistics", 6, 2)) for _ in range(2)]
    assert groups(by_department(window, "overall"), "Sales") == {
        frozenset({"Finance"}): (10, 19),
        frozenset({"Logistics"}): (10, 19),
    }


@pytest.mark.parametrize("first", [True, False])
def test_clients_who_were_merged_in_one_wave_are_so_in_all(company: Company, first: bool) -> None:
    scored = [(("Finance", 4, 4), ("Logistics", 6, 2)), (("Finance", 12, 4), ("Logistics", 6, 2), ("IT", 5, 3))]
    window = [about_sales(company, *answers) for answers in (scored if first else scored[::-1])]
    assert groups(by_department(window, "overall"), "Sales") == {
        frozenset({"Finance", "Logistics"}): (20, 49),
        frozenset({"IT", "Legal"}): (5, 9),
    }


def test_groups_that_overlap_in_a_chain_are_one(company: Company) -> None:
    """Finance with Logistics in one wave, Logistics with IT and Legal in the other: no part can be told apart."""
    window = [
        about_sales(company, ("Finance", 4, 4), ("Logistics", 6, 2)),
        about_sales(company, ("Logistics", 5, 4), ("IT", 3, 2)),
    ]
    table = by_department(window, "overall")
    assert groups(table, "Sales") == {frozenset({"Finance", "IT", "Legal", "Logistics"}): (10, 19)}
    assert table.columns == ()


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
def test_a_window_is_a_recount_of_what_its_waves_have_published(company: Company, count: int) -> None:
    company.ask_only_about("Sales", "IT")
    published: Published = defaultdict(lambda: (0,) * 5)
    atoms = []
    for seed in range(count):
        wave = company.open_wave()
        for client, people in (("Finance", 3 + 2 * seed), ("Logistics", 9 - seed), ("IT", 5), ("Sales", 7)):
            company.rate(wave, client, people, at_random(seed))
        company.close_wave(wave)
        atoms += [(place, counts) for place, counts in tallies(wave, "overall").items()]
    table = by_department(releases.waves_until(wave, count), "overall")
    for provider in ("Sales", "IT"):
        shown = groups(table, provider)
        for (rated, clients), counts in atoms:
            if rated == provider:
                (whole,) = [group for group in shown if clients <= group]  # in one group, and in it whole
                published[provider, whole] = summed([published[provider, whole], counts])
    found = {(name, group): people for name in ("Sales", "IT") for group, people in groups(table, name).items()}
    assert found == {place: recounted.people for place, counts in published.items() if (recounted := figure(counts, K))}
    assert table.company == figure(summed([counts for _, counts in atoms]), K)


@pytest.mark.parametrize(("people", "shown"), [(7, False), (8, True)])
def test_of_two_ks_the_larger_counts(company: Company, people: int, shown: bool) -> None:
    first = about_sales(company, ("Finance", people, 4))
    waves.open_wave(Wave.get(Wave.state == "planned"), 0, 8)
    second = Wave.get(Wave.state == "open")
    company.rate(second, "Logistics", 8)
    second = company.close_wave(second)
    assert groups(by_department([first], "overall"), "Sales") == {frozenset({"Finance"}): (5, 9)}
    found = groups(by_department([second, first], "overall"), "Sales")
    assert (frozenset({"Finance"}) in found, frozenset({"Logistics"}) in found) == (shown, True)


# Clients by division


def test_a_division_adds_up_its_departments(company: Company) -> None:
    put_into("Operations", "Finance", "Logistics")
    wave = about_sales(company, ("Finance", 5, 4), ("Logistics", 6, 2), ("IT", 5, 3), ("Legal", 1, 3))
    put_into("Support", "IT", "Legal")
    table = by_division([wave], "overall")
    assert groups(table, "Sales") == {frozenset({"Operations"}): (10, 19), frozenset({"Support"}): (5, 9)}
    assert table.refused == {}


def test_a_department_without_a_division_stands_for_itself(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Logistics", 6, 2))
    assert groups(by_division([wave], "overall"), "Sales") == groups(by_department([wave], "overall"), "Sales")


def test_a_published_group_within_one_division_is_accepted(company: Company) -> None:
    put_into("Operations", "Finance", "Logistics")
    wave = about_sales(company, ("Finance", 4, 4), ("Logistics", 6, 2))
    assert groups(by_division([wave], "overall"), "Sales") == {frozenset({"Operations"}): (10, 19)}


def test_a_published_group_of_two_divisions_refuses_the_view(company: Company) -> None:
    put_into("Operations", "Finance")
    wave = about_sales(company, ("Finance", 4, 4), ("Logistics", 6, 2))
    sales = company.departments["Sales"].id
    assert by_division([wave], "overall").refused == {sales: Clients(("Finance", "Logistics"), others=True)}


def test_a_refused_provider_shows_nothing_but_its_total(company: Company) -> None:
    put_into("Operations", "Finance")
    wave = about_sales(company, ("Finance", 4, 4), ("Logistics", 6, 2), ("IT", 5, 3))
    table, sales = by_division([wave], "overall"), company.departments["Sales"].id
    assert (table.cells, table.columns, table.others, table.served) == ({}, (), {}, {})
    assert table.serves == {sales: figure((0, 6, 5, 4, 0), K)}
    assert table.company == table.serves[sales]


def test_one_refused_provider_refuses_no_other(company: Company) -> None:
    put_into("Operations", "Finance")
    company.ask_only_about("Sales", "Legal")
    wave = company.open_wave()
    sales = company.departments["Sales"].id
    company.rate(wave, "Finance", 4)
    company.rate(wave, "Finance", 1, lambda provider: Answer(provider, {"overall": 4} if provider != sales else {}))
    company.rate(wave, "Logistics", 6)
    table = by_division([company.close_wave(wave)], "overall")
    assert set(table.refused) == {sales}
    assert groups(table, "Legal") == {frozenset({"Operations"}): (5, 9), frozenset({"Logistics"}): (5, 9)}
    assert {shown.people for shown in table.served.values()} == {(5, 9)}  # of Legal alone


def test_in_a_window_one_wave_is_enough_to_refuse(company: Company) -> None:
    put_into("Operations", "Finance")
    first = about_sales(company, ("Finance", 4, 4), ("Logistics", 6, 2))
    second = about_sales(company, ("Finance", 5, 4), ("Logistics", 6, 2))
    assert by_division([second], "overall").refused == {}
    assert set(by_division([second, first], "overall").refused) == {company.departments["Sales"].id}


# In another order, and one cell on all items


@pytest.mark.parametrize("order", list(Order))
def test_rows_and_columns_are_sorted_by_their_margins(company: Company, order: Order) -> None:
    table = by_department([company.released_wave(at_random(5))], "overall")
    found = matrices.arranged(table, order, order)
    serves = [table.serves[provider.id].mean for provider in found.providers]
    served = [table.served[group].mean for group, _ in found.columns]
    if order is Order.NAME:
        assert found == table
    for margin in (serves, served):
        expected = sorted(margin, reverse=order is Order.BEST)
        assert order is Order.NAME or margin == expected
    assert set(found.providers) == set(table.providers)
    assert set(found.columns) == set(table.columns)


def test_a_cell_shows_its_figure_on_each_item(company: Company) -> None:
    wave = company.released_wave(at_random(6))
    tables = matrices.each_item([wave], ITEMS)
    sales, finance = company.departments["Sales"], company.departments["Finance"]
    for table, line in zip(tables, matrices.cell(tables, sales, frozenset([finance.id])), strict=True):
        if (sales.id, frozenset([finance.id])) in table.cells:
            assert line.figure == table.cells[sales.id, frozenset([finance.id])]
        else:
            assert line.clients is None or "Finance" in line.clients.departments


def test_on_an_item_with_fewer_answers_a_cell_is_shown_with_others(company: Company) -> None:
    company.ask_only_about("Sales")
    wave = company.open_wave()
    company.rate(wave, "Finance", 5, lambda provider: Answer(provider, {"overall": 4}))
    company.rate(wave, "Finance", 2, lambda provider: Answer(provider, {"overall": 4, "openness": 1}))
    company.rate(wave, "Logistics", 6, lambda provider: Answer(provider, {"overall": 2, "openness": 2}))
    tables = matrices.each_item([company.close_wave(wave)], ["overall", "openness", "promises"])
    finance = frozenset([company.departments["Finance"].id])
    alone, together, nothing = matrices.cell(tables, company.departments["Sales"], finance)
    assert alone.clients == Clients(("Finance",), others=False)
    assert together.clients == Clients(("Finance", "Logistics"), others=True)
    assert (nothing.figure, nothing.clients) == (None, None)


def test_the_cell_of_the_others_is_theirs(company: Company) -> None:
    wave = about_sales(company, ("Finance", 5, 4), ("Logistics", 4, 4), ("Legal", 3, 4))
    table = by_department([wave], "overall")
    sales = company.departments["Sales"]
    (line,) = matrices.cell([table], sales, OTHERS)
    assert (line.figure, line.clients) == (table.cells[sales.id, OTHERS], table.others[sales.id])
    (none,) = matrices.cell([table], company.departments["IT"], OTHERS)
    assert none.figure is None
