"""Hosts of our own making: network namespaces on one bridge, each with processes of its own and a link that can be cut.

`alone` runs a module in namespaces where nothing but these hosts can be reached, and with which everything is gone: the
hosts, their links and every process on them.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers import ROOT

NETWORK = "10.99.0."  # seen by nobody outside
GATEWAY = f"{NETWORK}1"  # where whoever watches is
NAMESPACES = "/run/netns"
UNSHARE = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")


def why_not() -> str | None:
    """Why there can be no hosts here, or None when there can."""
    script = (
        f"mkdir -p {NAMESPACES} && mount -t tmpfs hosts {NAMESPACES} && ip netns add try && ip link add br0 type bridge"
    )
    try:
        tried = subprocess.run([*UNSHARE, "sh", "-ec", script], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"unshare cannot be run ({error.strerror})"
    return f"no network namespaces here: {tried.stderr.strip()}" if tried.returncode else None


def alone(module: str, words: list[str]) -> int:
    """Run a module where it may make hosts; how it ended."""
    return subprocess.run([*UNSHARE, sys.executable, "-m", module, *words], cwd=ROOT, check=False).returncode


def run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr}"
    return done.stdout


class Network:
    """The bridge; made once in namespaces of our own, see `alone`."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._hosts = folder, 0
        Path(NAMESPACES).mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "hosts", NAMESPACES)
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge")
        run("ip", "address", "add", f"{GATEWAY}/24", "dev", "br0")
        run("ip", "link", "set", "br0", "up")

    def host(self, name: str) -> "Host":
        """One more host, with a link to all others."""
        self._hosts += 1
        return Host(name, f"{NETWORK}{10 + self._hosts}", self._folder / name)


class Host:
    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name, self.address, self.folder = name, address, folder
        self.processes: list[subprocess.Popen[str]] = []
        folder.mkdir()
        run("ip", "netns", "add", name)
        run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"to-{name}", "master", "br0", "up")
        for words in ("address add {0}/24 dev eth0", "link set eth0 up", "link set lo up"):
            run(*self._inside, "ip", *words.format(address).split())

    @property
    def _inside(self) -> tuple[str, ...]:
        return "nsenter", f"--net={NAMESPACES}/{self.name}"

    @property
    def log(self) -> str:
        """What its processes have said."""
        return (self.folder / "log.txt").read_text()

    def run(self, *words: str, **environment: str) -> None:
        """Run a command on this host, to its end."""
        process = self.start(*words, **environment)
        assert process.wait() == 0, f"{' '.join(words)}\n{self.log}"

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESPEJO_")}
        with (self.folder / "log.txt").open("a") as log:
            process = subprocess.Popen(
                [*self._inside, *words],
                env={**clean, "PYTHONPATH": str(ROOT), **environment},
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.processes.append(process)
        return process

    def cut(self) -> None:
        """Take its link away: whoever talks with it hears nothing more, not even that it has gone."""
        run("ip", "link", "set", f"to-{self.name}", "down")

    def mend(self) -> None:
        """Put its link back."""
        run("ip", "link", "set", f"to-{self.name}", "up")

    def kill(self) -> None:
        """Take its link away, and its power."""
        self.cut()
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()
