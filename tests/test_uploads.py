"""Files between upload and import: seen by whoever sent them, for a day."""

import io

import pytest
from customers import ANSWERS, LONG, NOW

from survey import kept_mappings, scheduler, uploads
from survey.erasure import erase
from survey.models import Person, Upload
from survey.sheets import ImportRefused


def sent(person: Person, text: str = ANSWERS, name: str = "scores.csv", now: int = NOW) -> Upload:
    return uploads.keep(person, io.BytesIO(text.encode()), name, now)


def test_a_file_is_kept_as_it_came_under_its_own_name(company) -> None:
    kept = sent(company.hanna, name="C:\\Users\\h\\encuesta ñ.csv")
    assert kept.file_name == "encuesta ñ.csv"
    with uploads.opened(kept) as path:
        assert (path.name, path.read_text()) == ("encuesta ñ.csv", ANSWERS)
    assert not path.exists()
    assert uploads.mapping(kept)["form"] == "long"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..", "scores"),
        ("a\0b\n.csv", "ab.csv"),
        ("", "scores"),
        ("\u202eb.csv", "b.csv"),
    ],
)
def test_a_name_is_never_a_path(name: str, shown: str) -> None:
    assert uploads.plain_name(name) == shown


def test_a_very_long_name_fits_the_file_system(company) -> None:
    with uploads.opened(sent(company.hanna, name="ñ" * 500 + ".csv")) as path:
        assert path.name.endswith(".csv")


def test_only_who_sent_it_finds_it_and_only_for_a_day(company) -> None:
    kept = sent(company.hanna)
    last = NOW + uploads.KEPT_SECONDS - 1
    assert uploads.find(kept.id, company.hanna, last) == kept
    assert uploads.find(kept.id, company.adam, NOW) is None
    assert uploads.find(kept.id, company.hanna, last + 1) is None
    assert [row.id for row in uploads.of(company.hanna, last)] == [kept.id]
    assert uploads.of(company.adam, NOW) == uploads.of(company.hanna, last + 1) == []


def test_what_nobody_imported_is_forgotten_after_a_day(company) -> None:
    sent(company.hanna)
    assert uploads.forget_due(NOW + uploads.KEPT_SECONDS - 1) == 0
    sent(company.adam, now=NOW + uploads.KEPT_SECONDS)
    assert Upload.select().count() == 1


def test_the_clock_forgets_as_well(company, app, settings) -> None:
    sent(company.hanna)
    done = scheduler.Clockwork(app, settings).forget(NOW + uploads.KEPT_SECONDS)
    assert (done["uploads forgotten"], Upload.select().count()) == (1, 0)


def test_erasing_a_person_takes_their_files_along(company) -> None:
    sent(company.hanna)
    assert erase(company.hanna.email)
    assert Upload.select().count() == 0


def test_a_file_of_a_known_header_is_read_as_the_last_one_but_for_its_days(company) -> None:
    mapping = LONG | {
        "columns": {"touchpoint": "What", "score": "Mark"},
        "period": {"from": "2025-01-01", "to": "2025-12-31"},
    }
    kept_mappings.keep("desk", mapping, ["What", "Mark"], NOW)
    chosen = uploads.mapping(sent(company.hanna, "What,Mark\nShop,4\n"))
    assert chosen == {key: value for key, value in mapping.items() if key != "period"}


def test_a_refused_file_is_not_kept(company) -> None:
    with pytest.raises(ImportRefused):
        sent(company.hanna, "one\n")
    assert Upload.select().count() == 0
