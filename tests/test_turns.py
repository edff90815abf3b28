"""Writers of one process queue in order."""

import threading
import time
from contextlib import suppress

import pytest
from peewee import OperationalError

from survey import turns
from survey.models import Department, database
from survey.turns import PATIENT, Turns
from tests.cast import Company
from tests.servers import wait_until


def queue(line: Turns, names: list[str], served: list[str]) -> list[threading.Thread]:
    """Let each of `names` wait for its turn, one after the other, and write down when it comes."""

    def wait(name: str) -> None:
        try:
            line.take(30)
        except OperationalError:
            served.append(f"{name} left")
            return
        served.append(name)
        line.hand_on()

    threads = []
    for name in names:
        threads.append(threading.Thread(target=wait, args=(name,)))
        threads[-1].start()
        wait_until(lambda: len(line._queue) >= len(threads), every_seconds=0.001)
    return threads


def test_whoever_has_waited_longest_comes_first() -> None:
    line, served = Turns(), []
    line.take(1)
    names = ["a", "b", "c", "d"]
    threads = queue(line, names, served)
    line.hand_on()
    for thread in threads:
        thread.join()
    assert served == names
    assert line.take(1) == 0  # nobody holds it any more


def test_whoever_waits_too_long_leaves_and_keeps_nobody_back() -> None:
    line = Turns()
    line.take(1)
    with pytest.raises(OperationalError, match="locked"):
        line.take(0.01)
    line.hand_on()
    assert line.take(1) == 0


def test_when_many_wait_already_one_leaves_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "IMPATIENT_SECONDS", 0.01)
    line, served = Turns(), []
    line.take(1)
    threads = queue(line, [str(number) for number in range(PATIENT)], served)
    began = time.monotonic()
    with pytest.raises(OperationalError):
        line.take(30)
    assert time.monotonic() - began < 10
    line.hand_on()
    for thread in threads:
        thread.join()
    assert len(served) == PATIENT


@pytest.mark.sqlite
def test_a_transaction_that_fails_gives_its_turn_back(company: Company) -> None:
    with pytest.raises(ZeroDivisionError), database.atomic():
        raise ZeroDivisionError
    with database.atomic():
        Department.update(name="Informatics").where(Department.key == "it").execute()
    assert not database.obj._turns._is_taken


@pytest.mark.sqlite
@pytest.mark.parametrize("fails", [False, True])
def test_what_writes_without_a_transaction_has_a_turn_too(company: Company, fails: bool) -> None:
    def write() -> None:
        with database.connection_context(), database.atomic():
            order.append("writer")

    order: list[str] = []
    with suppress(ZeroDivisionError), database.obj.alone():
        other = threading.Thread(target=write)
        other.start()
        wait_until(lambda: database.obj._turns._queue, every_seconds=0.001)
        order.append("alone")
        1 / (not fails)
    other.join()
    assert order == ["alone", "writer"]
    assert not database.obj._turns._is_taken


@pytest.mark.sqlite
def test_a_second_writer_waits_for_the_first(company: Company) -> None:
    order = []

    def write() -> None:
        with database.connection_context(), database.atomic():
            order.append("second")

    with database.atomic():
        other = threading.Thread(target=write)
        other.start()
        wait_until(lambda: database.obj._turns._queue, every_seconds=0.001)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
