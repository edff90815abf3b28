"""A plain reverse proxy: each request goes to the next host that says it is ready, whoever sends it.

python -m tests.crash.proxy --port 8000 http://10.99.0.11:8000 http://10.99.0.12:8000. A host that cannot be reached, or
is not ready, gets nothing until it is; when none is, all are tried. A request whose host falls silent has no reply.
"""

import argparse
import socket
import threading
import time
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import urlsplit

from tests.servers import is_well

LOOK_SECONDS = 0.5
CONNECT_SECONDS = 1
SILENT_MILLISECONDS = 3000  # a host that acknowledges nothing for so long has gone
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class Hosts:
    """The hosts behind the proxy, and which of them are ready."""

    def __init__(self, addresses: list[str]) -> None:
        self._all, self._ready, self._turns = addresses, list(addresses), count()

    def next(self) -> str:
        ready = self._ready or self._all
        return ready[next(self._turns) % len(ready)]

    def watch(self) -> None:
        """Look after all of them, for ever."""
        for address in self._all:
            threading.Thread(target=self._watch_one, args=[address], daemon=True).start()

    def _watch_one(self, address: str) -> None:
        while True:
            is_ready = is_well(f"{address}/readyz", CONNECT_SECONDS)
            others = [other for other in self._ready if other != address]
            self._ready = sorted([*others, address]) if is_ready else others
            time.sleep(LOOK_SECONDS)


class Handler(BaseHTTPRequestHandler):
    """One browser's connection, which is kept; each of its requests may go to another host."""

    protocol_version = "HTTP/1.1"
    hosts: Hosts

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {
            "Host": self.headers["Host"],
            "X-Forwarded-For": self.client_address[0],
            "X-Forwarded-Proto": "http",
        }
        try:
            self._pass_on(body, headers)
        except (OSError, HTTPException):
            self.close_connection = True

    do_POST = do_GET  # noqa: N815

    def _pass_on(self, body: bytes, headers: dict[str, str]) -> None:
        upstream = HTTPConnection(urlsplit(self.hosts.next()).netloc, timeout=CONNECT_SECONDS)
        try:
            upstream.connect()
            upstream.sock.settimeout(None)
            for option, value in ((socket.TCP_USER_TIMEOUT, SILENT_MILLISECONDS), (socket.TCP_KEEPIDLE, 1)):
                upstream.sock.setsockopt(socket.IPPROTO_TCP, option, value)
            upstream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
            upstream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            text = answer.read()
        finally:
            upstream.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nothing: an address may hold a token."""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, required=True)
    asked.add_argument("hosts", nargs="+")
    chosen = asked.parse_args()
    Handler.hosts = Hosts(chosen.hosts)
    Handler.hosts.watch()
    ThreadingHTTPServer(("0.0.0.0", chosen.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
