"""What whoever is at the other end of a connection may do to others: nothing."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
import time_machine
from flask import Flask, Response, request
from waitress import create_server, wasyncore
from waitress.adjustments import Adjustments
from waitress.server import BaseWSGIServer

from survey import channels, create_app, roster_files, uploads
from survey.channels import FILE_BYTES, FORM_BYTES, PIPELINED, BoundedRequest, Channel
from survey.server import listening
from survey.settings import Settings
from survey.web.access import COOKIES_BYTES
from survey.web.frame import BODY_BYTES, may_send_files, takes_files
from tests.servers import PATIENCE_SECONDS, wait_until

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
SIGNED_IN = {"_user_id": "1"}


@contextmanager
def serving(app: Flask, idle_seconds: int = 2) -> Iterator[BaseWSGIServer]:
    server = listening(app, socket.create_server(("127.0.0.1", 0)), answers_at_once=1, idle_seconds=idle_seconds)
    thread = Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map))
        thread.join(PATIENCE_SECONDS)
        server.task_dispatcher.shutdown()


def connect(server: BaseWSGIServer) -> socket.socket:
    return socket.create_connection(server.socket.getsockname(), PATIENCE_SECONDS)


def said_until(other: socket.socket, end: bytes) -> bytes:
    """What comes until something does, or until the server hangs up."""
    said = b""
    while not said.endswith(end) and (more := other.recv(1 << 20)):
        said += more
    return said


def all_of(other: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    try:
        return b"".join(iter(lambda: other.recv(1 << 20), b""))
    except ConnectionResetError:
        return b""


def signed(app: Flask, session: dict[str, str]) -> str:
    """The cookie of a browser whose session this is."""
    return f"{app.config['SESSION_COOKIE_NAME']}={app.session_interface.get_signing_serializer(app).dumps(session)}"


@pytest.fixture
def app() -> Flask:
    """It says how much it was sent, and one of its pages takes files."""
    app = Flask(__name__)
    app.secret_key = "a key for tests"
    app.add_url_rule("/<path:_>", "sent", lambda _: str(len(request.get_data())), methods=["POST"])
    file = takes_files(FILE_BYTES)(lambda: str(len(request.get_data())))
    app.add_url_rule("/file", "file", file, methods=["POST"])
    app.add_url_rule("/", "read", lambda: "well")
    return app


# --- Sending -------------------------------------------------------------------------------------------------------


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A connection on which a request is being served, and half of its reply is on its way."""
    ours, theirs = socket.socketpair()
    server = create_server(Flask(__name__), listen="127.0.0.1:0", _start=False)
    with closing(server), ours, theirs:
        channel = Channel(server, ours, "", server.adj, {})
        channel.requests, channel.total_outbufs_len = [object()], 1
        yield channel


def test_while_a_thread_serves_a_request_nobody_else_sends_its_reply(channel: Channel) -> None:
    assert not channel.writable()


def test_what_is_left_of_a_reply_is_sent_when_it_is_whole(channel: Channel) -> None:
    channel.requests = []
    assert channel.writable()
    channel.total_outbufs_len = 0
    assert not channel.writable()


@pytest.mark.parametrize("more", [0, 1])
def test_a_reply_that_is_too_large_to_be_held_back_is_sent_meanwhile(channel: Channel, more: int) -> None:
    channel.total_outbufs_len = channel.adj.outbuf_high_watermark + more
    assert channel.writable()


def test_a_connection_that_failed_is_closed_while_its_request_is_served(channel: Channel) -> None:
    channel.will_close = True
    assert channel.writable()


def test_a_large_reply_arrives_whole_at_whoever_reads_it_slowly() -> None:
    app, pieces = Flask(__name__), [b"mirror" * 10_000] * 800  # more than is held back
    made = Event()

    def reply() -> Iterator[bytes]:
        for place, piece in enumerate(pieces):
            if place == 700:
                made.set()
            yield piece

    app.add_url_rule("/", view_func=lambda: Response(reply()))
    with serving(app) as server, connect(server) as reader:
        reader.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert not made.wait(0.2), "the reply waits for its reader"
        assert all_of(reader).partition(b"\r\n\r\n")[2] == b"".join(pieces)


# --- Receiving -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [b"", GET], ids=["alone", "behind another one"])
@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nno header",
        "GET http://[ HTTP/1.1",
        f"POST / HTTP/1.1\r\nContent-Length: {'9' * 5000}",
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: ten",
    ],
    ids=["no header", "no address", "very many digits", "no digits"],
)
def test_what_cannot_be_read_is_told_so_and_leaves_nothing_behind(
    app: Flask, head: str, before: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(app) as server:
        with connect(server) as other:
            other.sendall(before + f"{head}\r\n\r\n".encode())
            said = all_of(other)
        assert b"HTTP/1.1 400 " in said or b"HTTP/1.0 400 " in said
        assert (b"well" in said) == bool(before)
        wait_until(lambda: not server.active_channels, 0.01)
        assert "uncaptured" not in caplog.text


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("expecting", ["", "Expect: 100-continue\r\n"])
def test_what_does_not_say_how_large_it_is_is_refused_by_its_head(app: Flask, version: str, expecting: str) -> None:
    with serving(app) as server, connect(server) as other:
        other.sendall(f"POST /r/1.2 HTTP/{version}\r\n{expecting}Transfer-Encoding: chunked\r\n\r\n1;aaa".encode())
        said = all_of(other)
    assert said.startswith(f"HTTP/{version} 411 ".encode())


def test_nothing_is_read_of_what_is_refused() -> None:
    request = BoundedRequest(Adjustments())
    sent = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + GET
    assert request.received(sent) == len(sent)
    assert request.completed


@pytest.mark.parametrize(
    ("path", "session", "most"),
    [
        ("/r/1.2", SIGNED_IN, FORM_BYTES),
        ("/file", SIGNED_IN, FILE_BYTES),
        ("/file", {}, FORM_BYTES),
        ("/file", {"next": "/hr/"}, FORM_BYTES),
        ("/file/nothing-here/at-all", SIGNED_IN, FORM_BYTES),
    ],
)
@pytest.mark.parametrize("expecting", ["", "Expect: 100-continue\r\n"])
def test_what_is_too_large_is_refused_by_its_head(
    app: Flask, path: str, session: dict[str, str], most: int, expecting: str
) -> None:
    with serving(app) as server, connect(server) as other:
        head = f"POST {path} HTTP/1.1\r\n{expecting}Cookie: {signed(app, session)}\r\n"
        other.sendall(f"{head}Content-Length: {most + 1}\r\n\r\n".encode())
        said = all_of(other)
    assert b" 413 " in said.partition(b"\r\n")[0]


@pytest.mark.parametrize(("path", "size"), [("/r/1.2", FORM_BYTES), ("/file", FORM_BYTES + 1)])
@pytest.mark.parametrize("expecting", ["", "Expect: 100-continue\r\n"])
def test_what_is_not_too_large_arrives(app: Flask, path: str, size: int, expecting: str) -> None:
    with serving(app) as server, connect(server) as other:
        head = f"POST {path} HTTP/1.1\r\nConnection: close\r\n{expecting}Cookie: {signed(app, SIGNED_IN)}\r\n"
        other.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        if expecting:
            assert b" 100 " in other.recv(1 << 20)
        other.sendall(b"x" * size)
        assert all_of(other).endswith(b"\r\n\r\n%d" % size)


def test_only_who_is_signed_in_may_send_files_and_only_to_the_pages_that_take_them(settings: Settings) -> None:
    app, forger = create_app(settings), create_app(replace(settings, secret_key="another key"))
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in rule.methods]
    taking = {rule.rule for rule in rules if hasattr(app.view_functions[rule.endpoint], "most_bytes")}
    assert taking == {rule.rule for rule in rules if may_send_files(app, rule.rule, f"a=b; {signed(app, SIGNED_IN)}")}
    assert "/hr/external/uploads" in taking
    hours = app.permanent_session_lifetime
    with time_machine.travel(datetime.now(UTC) - hours - timedelta(minutes=1)):
        old = signed(app, SIGNED_IN)
    with time_machine.travel(datetime.now(UTC) - hours + timedelta(minutes=1)):
        still = signed(app, SIGNED_IN)
    path = taking.pop()
    assert may_send_files(app, path, still)
    very_many = f"{'a=b; ' * (COOKIES_BYTES // 5)}{still}"
    forged = signed(forger, SIGNED_IN)
    for cookies in (old, forged, very_many, signed(app, {}), "", "espejo", "espejo=1", 'espejo="\xff'):
        assert not may_send_files(app, path, cookies)


def test_pages_may_be_sent_as_much_as_they_take() -> None:
    assert max(uploads.MOST_BYTES, roster_files.MOST_BYTES) + BODY_BYTES <= FILE_BYTES
    assert BODY_BYTES < FORM_BYTES, "what is a little too large is answered by a page"


# --- Patience ------------------------------------------------------------------------------------------------------


def is_sent_away(other: socket.socket, pieces: Iterable[bytes]) -> bool:
    """Whether the server hangs up while pieces of a request come, every now and then."""
    other.settimeout(0.05)
    for piece in pieces:
        with suppress(TimeoutError):
            other.sendall(piece)
            return other.recv(1) == b""
    return False


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds in which a head must have arrived, when others than a form's are not to matter."""
    monkeypatch.setattr(channels, "HURRIED_SECONDS", 0.3)
    return 0.3


@pytest.mark.parametrize("before", [b"", GET], ids=["at first", "after a reply"])
@pytest.mark.parametrize(
    "pieces", [[b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * 30], [b"\r\n\r\n"] * 30, [b"\r", b"\n\r\n"] * 15]
)
def test_whose_head_does_not_end_is_sent_away(app: Flask, hurried: float, before: bytes, pieces: list[bytes]) -> None:
    with serving(app, idle_seconds=30) as server, connect(server) as other:
        if before:
            other.sendall(before)
            assert said_until(other, b"well").endswith(b"well")
        assert is_sent_away(other, pieces)


def test_blank_lines_before_a_request_are_nothing(app: Flask) -> None:
    with serving(app) as server, connect(server) as other:
        for piece in (b"\r\n\r\n", b"\r", b"\n\r\n\r\n", b"\r\n\r\n" + GET):
            other.sendall(piece)
        assert said_until(other, b"well").endswith(b"well")


def test_a_connection_may_rest_for_longer_than_a_head_takes(app: Flask, hurried: float) -> None:
    with serving(app) as server, connect(server) as other:
        for _ in range(3):
            other.sendall(GET)
            assert said_until(other, b"well").endswith(b"well")
            time.sleep(hurried + 0.1)


def test_what_waits_for_another_ones_reply_is_not_late(app: Flask, hurried: float) -> None:
    app.add_url_rule("/slow", view_func=lambda: time.sleep(hurried + 0.1) or "slow")
    with serving(app) as server, connect(server) as other:
        other.sendall(GET.replace(b"/ ", b"/slow ") + GET[:10])
        assert said_until(other, b"slow").endswith(b"slow")
        other.sendall(GET[10:20])
        time.sleep(0.05)
        other.sendall(GET[20:])
        assert said_until(other, b"well").endswith(b"well")


SLOWLY = [b"x"] * 20


def begun(app: Flask, path: str) -> bytes:
    return f"POST {path} HTTP/1.1\r\nCookie: {signed(app, SIGNED_IN)}\r\nContent-Length: 9999\r\n\r\n".encode()


@pytest.mark.parametrize(("path", "is_late"), [("/r/1.2", True), ("/file", False)])
def test_who_sends_a_form_byte_by_byte_is_sent_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch, path: str, is_late: bool
) -> None:
    monkeypatch.setattr(channels, "HURRIED_SECONDS", 0.1)
    monkeypatch.setattr(channels, "FORM_SECONDS", 0.2)
    with serving(app, idle_seconds=30) as server, connect(server) as other:
        assert is_sent_away(other, [begun(app, path), *SLOWLY]) == is_late


def test_a_file_may_not_take_forever_either(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HURRIED_SECONDS", "FORM_SECONDS", "FILE_SECONDS"):
        monkeypatch.setattr(channels, name, 0.1)
    with serving(app, idle_seconds=30) as server, connect(server) as other:
        assert is_sent_away(other, [begun(app, "/file"), *SLOWLY])


@pytest.mark.parametrize(("others", "is_late"), [(11, False), (12, True)])
def test_where_places_are_few_nobody_may_take_long(app: Flask, hurried: float, others: int, is_late: bool) -> None:
    with serving(app, idle_seconds=30) as server, ExitStack() as resting:
        server.adj.connection_limit = 16
        for _ in range(others):
            resting.enter_context(connect(server))
        with connect(server) as other:
            assert is_sent_away(other, [begun(app, "/file"), *SLOWLY]) == is_late


def test_who_sends_very_many_requests_at_once_is_sent_away(app: Flask) -> None:
    may_answer = Event()
    app.add_url_rule("/later", "later", lambda: f"{may_answer.wait(PATIENCE_SECONDS)}")
    with serving(app) as server:
        with connect(server) as other:
            other.sendall(GET.replace(b"/", b"/later", 1) + GET * PIPELINED)
            assert all_of(other) == b""
            may_answer.set()
        wait_until(lambda: not server.active_channels, 0.01)
        with connect(server) as other:
            other.sendall(GET * (PIPELINED // 2) + GET.replace(b"Host", b"Connection: close\r\nHost"))
            assert all_of(other).count(b"well") == PIPELINED // 2 + 1
