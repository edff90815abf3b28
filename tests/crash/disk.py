"""The disk full while answers arrive: nothing is acknowledged that is not stored, and nothing typed is lost.

python -m tests.crash.disk --answers 1000 puts the database on a small file system of its own (root may mount one) and
fills it again and again; with --limit, or for who is not root, the server's files may not grow instead.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from survey.database import open_database
from survey.models import database
from tests.crash.counting import Count, count, post_all
from tests.engines import settings_in
from tests.servers import Installation, is_well
from tests.visitors import open_links

BYTES = 8 * 1024 * 1024  # of the small file system
LEAVE_BYTES = 96 * 1024  # at most this much is left free, so that it is some statement in the midst of many that fails
FULL_SECONDS, ROOM_SECONDS = 0.6, 0.4


class Disk(Protocol):
    """Something that can be full."""

    def fill(self, leave: int) -> None:
        """From now on there is room for `leave` bytes more."""

    def make_room(self) -> None: ...


class SmallDisk:
    """A file system of a few megabytes in memory, mounted at `folder`; CalledProcessError when one may not mount."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._filler = folder / "filler"

    def __enter__(self) -> "SmallDisk":
        self._folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "espejo-test", str(self._folder)]
        subprocess.run(mount, check=True, capture_output=True)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)

    def fill(self, leave: int) -> None:
        with self._filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                file.truncate(max(0, file.tell() - leave))

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


class Limit:
    """No file that the server writes may grow beyond a size: a quota that needs no rights."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed

    def fill(self, leave: int) -> None:
        self._allow(leave)

    def make_room(self) -> None:
        self._allow(resource.RLIM_INFINITY)

    def _allow(self, size: int) -> None:
        resource.prlimit(self._installed.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@dataclass(frozen=True)
class Filled:
    """What became of the answers, how often the disk was full, and how the server was then."""

    count: Count
    times: int
    alive: int  # of these, how often the process still answered
    ready_afterwards: bool
    log: str

    @property
    def holds(self) -> bool:
        is_quiet = "Traceback" not in self.log and "/r/" not in self.log
        return (
            self.count.holds
            and self.ready_afterwards
            and is_quiet
            and self.alive == self.times > 0 < self.count.put_off
        )

    def lines(self) -> list[str]:
        return [
            f"disk full: {self.times} times, alive all the while: {'yes' if self.alive == self.times else 'NO'}, "
            f"ready afterwards without a restart: {'yes' if self.ready_afterwards else 'NO'}",
            *self.count.lines(),
        ]


def fill_again_and_again(folder: Path, answers: int, *, limit: bool = False) -> Filled:
    """Post `answers` answers while the disk is full most of the time."""
    small: AbstractContextManager[SmallDisk | None] = nullcontext() if limit else SmallDisk(folder / "disk")
    with small as mounted:
        settings = settings_in(folder / "disk" / "home")
        open_database(settings)
        links = open_links(settings, answers)[:answers]
        database.close()
        installed = Installation(folder, home=settings.home, secret_key=settings.secret_key, smtp_url="")
        disk: Disk = mounted or Limit(installed)
        times = alive = 0
        with installed.serving("serve") as address, ThreadPoolExecutor(1) as thread:
            posting = thread.submit(post_all, address, links)
            while not posting.done():
                disk.fill(random.randrange(LEAVE_BYTES))
                time.sleep(FULL_SECONDS)
                times, alive = times + 1, alive + is_well(f"{address}/livez")
                disk.make_room()
                time.sleep(ROOM_SECONDS)
            found = count(posting.result())
            ready = is_well(f"{address}/readyz")
        database.close()
    return Filled(found, times, alive, ready, (folder / "log.txt").read_text())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--answers", type=int, default=1000)
    asked.add_argument("--limit", action="store_true")
    chosen = asked.parse_args()
    with TemporaryDirectory() as folder:
        found = fill_again_and_again(Path(folder), chosen.answers, limit=chosen.limit or os.geteuid() != 0)
    print("\n".join(found.lines()))
    sys.exit(not found.holds)


if __name__ == "__main__":
    main()
