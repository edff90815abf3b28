"""People and departments as HR sees and keeps them."""

import pytest

from tests.web.pages import tables


@pytest.fixture
def hanna(company, sign_in):
    return sign_in(company.hanna)


def test_people_are_listed_by_department_never_by_name_but_leads(hanna, company):
    page = hanna.get("/hr/people").text
    shown = {row[0]: row[1:3] for row in tables(page)[0]}
    assert shown["Finance"] == ["12", "Alice Álvarez"]
    assert shown["Legal"] == ["4", "nobody"]
    assert "Charlie" not in page
