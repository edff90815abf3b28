"""What pytest is told of these tests. Their fixtures are in tests/fixtures.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgresql", action="store_true", help="run on PostgreSQL instead of SQLite")


def pytest_configure(config: pytest.Config) -> None:
    """Fixtures, and Espejo with them, are loaded by who runs tests; who only hands them out begins at once."""
    hands_out = config.getoption("numprocesses", 0) and not hasattr(config, "workerinput")
    if not hands_out:
        config.pluginmanager.import_plugin("tests.fixtures")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep what pytest makes of the tests' source, whatever the environment says: it takes a fifth of a run to make."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long ones begin first, so that nobody waits for them in the end.

    On PostgreSQL: the tests that have a database; those that look at SQLite's own files are skipped.

    Of pages tried with many values one will do, as no value changes the queries. What attacks, kills or fills a demo
    has tests of its own on PostgreSQL.
    """
    items.sort(key=lambda item: item.get_closest_marker("early") is None)
    if not config.getoption("postgresql"):
        return
    seen: set[tuple[Path, str]] = set()
    without = [item for item in items if not _asks_the_database(item, seen)]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in set(without)]
    for item in items:
        if item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="looks at what SQLite alone has"))


def _asks_the_database(item: pytest.Item, seen: set[tuple[Path, str]]) -> bool:
    """Whether a test is worth another run on another database; `seen` learns which tests of pages had theirs."""
    if "settings" not in getattr(item, "fixturenames", ()) or item.path.stem.startswith("test_demo"):
        return False
    if item.path.parent.name in ("attack", "crash"):
        return False
    if item.path.parent.name != "web":
        return True
    test = item.path, getattr(item, "originalname", item.name)
    is_first = test not in seen
    seen.add(test)
    return is_first
