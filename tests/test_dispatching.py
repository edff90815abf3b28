"""Who waits for whom: nobody behind those who take longer, and answers behind each other only while they are quick."""

from threading import Event, Timer, active_count, get_ident

from peewee import SqliteDatabase

from survey import dispatching
from survey.dispatching import ANSWERS, Dispatcher, FewAtOnce
from survey.models import database
from survey.turns import OneWriter
from tests.servers import PATIENCE_SECONDS, wait_until


class Request:
    """A task for the dispatcher: it is served when it gets a thread, and may keep that."""

    def __init__(self, path: str, until: Event | None = None) -> None:
        self.requests = [self]
        self.path, self.served, self._until = path, Event(), until
        self.cancelled, self.thread = False, 0

    def service(self) -> None:
        self.thread = get_ident()
        self.served.set()
        if self._until:
            self._until.wait(PATIENCE_SECONDS)

    def cancel(self) -> None:
        self.cancelled = True


def is_served(request: Request) -> bool:
    return request.served.wait(PATIENCE_SECONDS)


def test_who_looks_after_the_server_does_not_wait_behind_its_visitors() -> None:
    dispatcher, end = Dispatcher(answers_at_once=1, threads=2), Event()
    visitors = [Request("/hr/", end) for _ in range(3)]
    for visitor in visitors:
        dispatcher.add_task(visitor)
    ready, alive = Request("/readyz", end), Request("/livez")
    for check in (ready, alive):
        dispatcher.add_task(check)
        assert is_served(check)
    assert not visitors[2].served.is_set()
    end.set()
    assert is_served(visitors[2])
    assert dispatcher.shutdown()


def test_who_answers_does_not_wait_behind_hr() -> None:
    dispatcher, end = Dispatcher(answers_at_once=1, threads=1), Event()
    for request in (Request("/hr/", end), Request("/hr/gap", end)):
        dispatcher.add_task(request)
    answer = Request(f"{ANSWERS}1.2")
    dispatcher.add_task(answer)
    assert is_served(answer)
    end.set()
    assert dispatcher.shutdown()


def test_answers_that_are_quick_are_served_by_one_thread(monkeypatch) -> None:
    monkeypatch.setattr(dispatching, "LONG_SECONDS", 2.0 * PATIENCE_SECONDS)
    lane = FewAtOnce(1)
    answers = [Request(f"{ANSWERS}{number}") for number in range(20)]
    for answer in answers:
        lane.add_task(answer)
    assert all(map(is_served, answers))
    assert len({answer.thread for answer in answers}) == 1
    lane.shutdown()


def test_an_answer_that_takes_long_is_replaced_until_it_ends(monkeypatch) -> None:
    lane, end = FewAtOnce(1), Event()
    stuck, more = Request(f"{ANSWERS}1", end), Request(f"{ANSWERS}2", end)
    quick = [Request(f"{ANSWERS}{number}") for number in range(3, 9)]
    for answer in (stuck, more, *quick):
        lane.add_task(answer)
    assert all(map(is_served, quick)), "neither of the two that are stuck keeps them waiting"
    monkeypatch.setattr(dispatching, "LONG_SECONDS", 2.0 * PATIENCE_SECONDS)
    end.set()
    last = [Request(f"{ANSWERS}{number}") for number in range(9, 29)]
    for answer in last:
        lane.add_task(answer)
    assert all(map(is_served, last))
    assert len({answer.thread for answer in last}) == 1, "there is still one place"
    lane.shutdown()


def test_while_an_answer_waits_for_the_disk_the_next_one_is_served(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dispatching, "LONG_SECONDS", 2.0 * PATIENCE_SECONDS)
    written, served = Event(), Event()
    bound = OneWriter(str(tmp_path / "own.sqlite3"))

    class Answer(Request):
        def service(self) -> None:
            with bound.atomic():
                super().service()
            served.set()
            bound.close()

    commit = SqliteDatabase.commit
    monkeypatch.setattr(SqliteDatabase, "commit", lambda self: written.wait(PATIENCE_SECONDS) and commit(self))
    lane, end = FewAtOnce(1), Event()
    answer, opened, later = Answer(f"{ANSWERS}1"), Request(f"{ANSWERS}2", end), Request(f"{ANSWERS}3")
    for request in (answer, opened, later):
        lane.add_task(request)
    assert is_served(opened)
    assert not served.is_set()
    written.set()
    assert served.wait(PATIENCE_SECONDS), "it ends though another has its place"
    assert not later.served.is_set(), "there is one place, and that is taken"
    end.set()
    assert is_served(later)
    lane.shutdown()


def test_a_lane_that_ends_ends_its_threads_and_cancels_what_waits(settings, monkeypatch) -> None:
    closed: list[int] = []
    monkeypatch.setattr(database.obj, "close", lambda: closed.append(get_ident()))
    before, lane, end = active_count(), FewAtOnce(1), Event()
    served, waiting = Request(f"{ANSWERS}1", end), Request(f"{ANSWERS}2")
    lane.add_task(served)
    assert is_served(served)
    lane.add_task(waiting)
    Timer(0.05, end.set).start()
    lane.shutdown()
    assert waiting.cancelled
    assert not waiting.served.is_set()
    wait_until(lambda: active_count() <= before)
    assert served.thread in closed, "nor does it leave a connection open"


def test_an_answer_that_fails_leaves_its_thread_to_the_next_one(caplog) -> None:
    class Failing(Request):
        def service(self) -> None:
            raise ValueError("this one is broken")

    lane = FewAtOnce(1)
    for answer in (Failing(f"{ANSWERS}1"), good := Request(f"{ANSWERS}2")):
        lane.add_task(answer)
    assert is_served(good)
    lane.shutdown()


def test_who_still_waits_when_the_server_stops_is_told() -> None:
    dispatcher, end = Dispatcher(answers_at_once=1, threads=1), Event()
    first, waiting = Request("/hr/", end), Request("/hr/gap")
    dispatcher.add_task(first)
    assert is_served(first)
    dispatcher.add_task(waiting)
    dispatcher.shutdown(timeout=0)
    assert waiting.cancelled
    end.set()
