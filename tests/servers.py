"""Servers for tests: a mail server that keeps what it gets, and `espejo` as processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from aiosmtpd.controller import Controller

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 60  # a busy machine is slow; what hangs must end all the same


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class MailServer:
    """Takes every mail over SMTP; `mails` are as their receivers read them."""

    def __init__(self, port: int) -> None:
        self.url = f"smtp://127.0.0.1:{port}"
        self.mails: list[EmailMessage] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(BytesParser(EmailMessage, policy=policy.default).parsebytes(envelope.content))
        return "250 OK"

    def take(self) -> dict[str, EmailMessage]:
        """The mails since the last call, by address; nobody got two."""
        taken = {mail["To"].addresses[0].addr_spec: mail for mail in self.mails}
        assert len(taken) == len(self.mails)
        self.mails = []
        return taken

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class Installation:
    """`espejo` with settings of its own; each command is a process of its own, in a folder of its own."""

    def __init__(self, folder: Path, **given: str) -> None:
        """`given` are settings that take the place of ours."""
        self.folder = folder
        self.smtp_port, self._port = free_port(), free_port()
        self._address = f"http://127.0.0.1:{self._port}"
        settings = {
            "home": str(folder / "home"),
            "smtp_url": f"smtp://127.0.0.1:{self.smtp_port}",
            "base_url": self._address,
            **given,
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESPEJO_")}
        self._environment = {**clean, **{f"ESPEJO_{name.upper()}": value for name, value in settings.items()}}

    def run(self, *words: str) -> str:
        """What a command says; an AssertionError when it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "survey", *words],
            env=self._environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def serving(self, *words: str, program: str = "survey", may_fail: bool = False) -> Iterator[str]:
        """A command that serves pages, until the block ends; gives its address. What it says is in log.txt.

        `program` is the module that is run: `espejo` itself, or one of tests/ that runs it.
        """
        log = self.folder / "log.txt"
        with log.open("w") as file:
            command = [sys.executable, "-m", program, *words, "--port", str(self._port)]
            environment = self._environment | ({} if program == "survey" else {"PYTHONPATH": str(ROOT)})
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT)
            try:
                self.pid = process.pid
                wait_until(lambda: process.poll() is not None or is_well(f"{self._address}/livez"))
                assert process.poll() is None, log.read_text()
                yield self._address
            finally:
                end(process)
        assert may_fail or "Traceback" not in log.read_text(), log.read_text()


def end(process: "subprocess.Popen[bytes]", patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Have a process end as a service does; one that goes on all the same is killed, and that is a fault."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def is_well(address: str, patience_seconds: float = 5) -> bool:
    """Whether a page comes, and comes without a fault."""
    try:
        with urlopen(address, timeout=patience_seconds) as answer:
            return answer.status == 200
    except OSError:
        return False


def wait_until(
    holds: Callable[[], object], every_seconds: float = 0.1, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Wait until `holds()`; fail after a minute, or so."""
    end = time.monotonic() + patience_seconds
    while not holds():
        assert time.monotonic() < end, "It takes too long."
        time.sleep(every_seconds)


def link_in(mail: EmailMessage, path: str) -> str:
    """The link of a mail's text whose path begins so."""
    return re.findall(rf"https?://[^/\s]+{path}\S*", mail.get_body(("plain",)).get_content())[0]
