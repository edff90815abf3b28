"""One department, as provider and as client."""

from survey import matrices, wording
from survey.measure.scale import OVERALL
from tests.web.pages import tables


def test_a_departments_page_shows_it_as_provider_and_as_client(hanna, released, company):
    finance = company.departments["Finance"]
    matrix = matrices.by_department([released[0]], OVERALL)
    _, serves, uses, _ = tables(hanna.get("/hr/departments/finance").text)
    assert [row[1] for row in serves[1:]] == [wording.mean(found) for _, found in matrices.as_provider(matrix, finance)]
    assert [row[1] for row in uses[1:]] == [wording.mean(found) for *_, found in matrices.as_client(matrix, finance)]
