"""Connections with a database server: where it is, how long it may be silent, and which connection is still good."""

import select
from typing import Any

from peewee import Database, PostgresqlDatabase
from playhouse.cockroachdb import CockroachDatabase

from survey.settings import SettingsError

# How long a server is waited for, unless the URL says it. Without the last four, whoever was talking to a host that has
# vanished would wait for a quarter of an hour, or for ever.
PATIENCE = {
    "connect_timeout": 5,  # seconds, for each host that the URL names
    "tcp_user_timeout": 10_000,  # milliseconds until what was sent must have arrived
    "keepalives_idle": 5,  # seconds of silence, after which it is asked whether anybody is there:
    "keepalives_interval": 2,  # every so many seconds,
    "keepalives_count": 3,  # so often
}


class Lasting(PostgresqlDatabase):
    """A thread may keep its connection from one request to the next; one that has died is replaced.

    Of several hosts the one that answered last is tried first, so that a dead one is waited for once.
    """

    def connect(self, reuse_if_open: bool = False) -> bool:
        if reuse_if_open and not self.is_closed() and not self.in_transaction() and not self._is_good():
            self.close()
        return super().connect(reuse_if_open)

    def _is_good(self) -> bool:
        """Whether nothing has happened to the connection: a server says that it leaves, and nothing else at rest."""
        return self.is_connection_usable() and not readable(self.connection().fileno())

    def _connect(self) -> Any:
        connection = super()._connect()
        self.connect_params.update(begin_with(connection.info.host, connection.info.port, self.connect_params))
        return connection


class LastingCockroach(Lasting, CockroachDatabase):
    """The same, of CockroachDB."""


SERVERS = {"postgresql": Lasting, "cockroachdb": LastingCockroach}


def server(url: str) -> Database:
    """What the URL names, read as PostgreSQL's own library reads it: it may name several hosts, h1:5432,h2:5432.

    Raises SettingsError.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise SettingsError("ESPEJO_DATABASE_URL: a server needs psycopg; pip install 'espejo[postgres]'.") from error
    scheme, _, rest = url.partition(":")
    try:
        named = conninfo_to_dict(f"postgresql:{rest}")
    except ProgrammingError as error:
        raise SettingsError(f"ESPEJO_DATABASE_URL: {error}") from error
    if "dbname" not in named:
        raise SettingsError(f"ESPEJO_DATABASE_URL: name a database too: {scheme}://host/name.")
    return SERVERS[scheme](named.pop("dbname"), **PATIENCE | named)


def readable(file: int) -> bool:
    """Whether something has come in that nobody has read: of a connection at rest, its end."""
    waiting = select.poll()
    waiting.register(file, select.POLLIN | select.POLLHUP)
    return bool(waiting.poll(0))


def begin_with(host: str, port: int, named: dict[str, Any]) -> dict[str, str]:
    """The hosts and ports of `named`, in the same order but for the one that comes first; nothing when there is one."""
    hosts = str(named.get("host") or "").split(",")
    ports = str(named.get("port") or "").split(",")
    if len(hosts) == 1:
        return {}
    pairs = list(zip(hosts, ports if len(ports) == len(hosts) else ports * len(hosts), strict=True))
    pairs.sort(key=lambda pair: pair not in ((host, str(port)), (host, "")))
    return {"host": ",".join(host for host, _ in pairs), "port": ",".join(port for _, port in pairs)}
