"""What `espejo serve` writes down: that something went wrong and where, never who asked, nor with which link."""

import logging
import re
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from survey.database import open_database
from survey.models import Invitation, Person, database
from survey.server import WithoutSecrets
from survey.signing import invitation_token, sign_in_token
from survey.waves import open_now
from tests.cast import Company, K
from tests.engines import settings_in
from tests.servers import PATIENCE_SECONDS, Installation, is_well
from tests.web.pages import Link

VISITOR = "127.0.0.77"  # every visitor comes from here, so that the address can be told from the server's own
GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS where none is spoken
    b"GET / HTTP/9.9\r\n\r\n",
    b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n",
    b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET %s HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 127.0.0.77\r\nForwarded: for=127.0.0.77;;=\r\n\r\n",
    b"GET %s" + b"x" * 300_000,
    b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort",
    b"GET %s HTTP/1.1\r\nno header\r\n\r\n",
    b"GET %s HTTP/1.1\r\nHost: x\r\nCookie: espejo=%s\r\n\r\n",
)


def send(port: int, request: bytes, *, leave_at_once: bool = False, patience: float = 1) -> bytes:
    """What comes back; or nothing, when the visitor hangs up without waiting, or has waited so many seconds."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS, source_address=(VISITOR, 0)) as visitor:
        if leave_at_once:
            visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
            visitor.sendall(request)
            time.sleep(0.005)
            return b""
        visitor.sendall(request)
        visitor.shutdown(socket.SHUT_WR)
        visitor.settimeout(patience)
        try:
            return b"".join(iter(lambda: visitor.recv(65536), b""))
        except OSError:
            return b""


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


def post(path: str, form: dict[str, str]) -> bytes:
    body = urlencode(form).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + body


@pytest.mark.slow
def test_no_log_names_a_visitor_an_address_or_a_token(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "home")
    open_database(settings)
    company = Company()
    wave = open_now(company.pulse, int(time.time()), K)
    found = list(Invitation.select().where(Invitation.wave == wave).limit(3))
    links = [Link(invitation_token(one.id, settings), tuple(map(int, one.providers.split()))) for one in found]
    Invitation.update(providers="999").where(Invitation.id == found[1].id).execute()  # a page that fails
    signing_in = sign_in_token(company.hanna.id, 0, settings)
    emails = [email for (email,) in Person.select(Person.email).tuples()]
    database.close()
    forged = [f"{'0' * 32}.{'f' * 32}", links[0].token[:-1], "forged.token"]
    paths = [*(link.address for link in links), *(f"/r/{token}" for token in forged), f"/login/{signing_in}"]
    installed = Installation(tmp_path, secret_key=settings.secret_key)  # nobody listens at its SMTP port
    with installed.serving("serve", may_fail=True) as address:
        port = urlsplit(address).port
        assert port
        assert b" 200 " in send(port, get(links[0].address), patience=PATIENCE_SECONDS)
        assert b" 500 " in send(port, get(links[1].address), patience=PATIENCE_SECONDS)
        requests = [get(path) for path in paths]
        requests += [post(path, links[0].filled(comment="Nobody should read this")) for path in paths]
        requests += [post("/login", {"email": email}) for email in emails[:10] + emails[:1] * 6]
        requests += [line.replace(b"%s", path.encode()) for line in GARBAGE for path in paths]
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda request: send(port, request), requests))
            list(threads.map(lambda request: send(port, request, leave_at_once=True), requests))
        assert b" 200 " in send(port, get("/livez"), patience=PATIENCE_SECONDS)
    log = (tmp_path / "log.txt").read_text()
    assert "Exception in respond.answer [GET]" in log
    secrets = [*(link.token for link in links), *(link.token.split(".")[1] for link in links), *forged, signing_in]
    secrets += [VISITOR, "Nobody should read", *emails]
    assert [line for line in log.splitlines() if any(secret in line for secret in secrets)] == []
    assert not re.search(r"/(r|login)/\w", log)


@pytest.mark.slow
def test_browsers_that_keep_their_connections_keep_nobody_out(tmp_path: Path) -> None:
    installed = Installation(tmp_path)
    with installed.serving("serve", "--no-scheduler") as address, ExitStack() as visitors:
        place = (urlsplit(address).hostname, urlsplit(address).port)
        for _ in range(200):
            kept = visitors.enter_context(socket.create_connection(place, PATIENCE_SECONDS))
            kept.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        assert is_well(f"{address}/livez")
        limits = Path(f"/proc/{installed.pid}/limits").read_text()
        _, soft, hard = re.search(r"(Max open files) +(\w+) +(\w+)", limits).groups()
        assert soft == hard, "connections are files"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Client disconnected while serving /r/1.2", "Client disconnected while serving …"),
        (
            "closing channel <waitress.channel.HTTPChannel connected 10.0.0.7:4000 at 0x7f> (reset)",
            "closing channel <waitress.channel.HTTPChannel connected … at 0x7f> (reset)",
        ),
        ("<HTTPChannel connected ('::1', 4000, 0, 0) at 0x7f>", "<HTTPChannel connected … at 0x7f>"),
        ("Task queue depth is 3", "Task queue depth is 3"),
    ],
)
def test_what_the_server_beneath_says_is_kept_without_whom_it_is_about(said: str, written: str) -> None:
    record = logging.LogRecord("waitress", logging.INFO, "", 0, "%s", (said,), None)
    assert WithoutSecrets().filter(record)
    assert record.getMessage() == written
