"""Files of customers' scores, as tests write them and bring them in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from survey.external import import_external
from survey.mapping import read_mapping
from survey.models import Department, ExternalImport, ExternalTally, Source, Touchpoint
from survey.sheets import ImportRefused

NOW = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())
ANSWERS = (
    "touchpoint,item,date,score\nShop,overall,2026-01-10,4\nShop,overall,2026-01-10,4\nShop,overall,2026-01-11,2\n"
)
SUMS = "touchpoint,item,date,mean,n,sd\nShop,overall,2026-01,72.5,40,20\nShop,promises,2026-01,60,10,\n"
LONG: dict[str, Any] = {
    "form": "long",
    "item": "overall",
    "source": {"key": "desk"},
    "columns": {"touchpoint": "What", "date": "When", "score": "Mark"},
    "scale": {"low": 0, "high": 10},
    "date_format": "%d/%m/%Y",
}


class Folder:
    """Where a test writes its files, and imports them from."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def take(self, text: str | bytes, name: str = "scores.csv", encoding: str = "utf-8", **options: Any) -> Any:
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        mapping = options.pop("mapping", None)
        return import_external(path, mapping and read_mapping("desk.toml", mapping), NOW, **options)

    def faults(self, text: str, **options: Any) -> tuple[str, ...]:
        with pytest.raises(ImportRefused) as refused:
            self.take(text, **options)
        assert not any(table.select().count() for table in (Source, Touchpoint, ExternalImport, ExternalTally))
        return refused.value.faults


def counting(key: str) -> list[tuple[float, int]]:
    """(points, n) of every score of a touchpoint that counts."""
    query = (
        ExternalTally.select(ExternalTally.points, ExternalTally.n)
        .join(Touchpoint)
        .where(Touchpoint.key == key, ExternalTally.superseded_by.is_null())
    )
    return sorted(query.tuples())


def department(name: str) -> int:
    return Department.create(key=name.lower(), name=name).id


def touchpoint_id(key: str) -> int:
    return Touchpoint.get(Touchpoint.key == key).id
