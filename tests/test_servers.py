"""The servers of tests: none outlives its test."""

import signal
import subprocess
import sys

import pytest

from tests.servers import end

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def test_a_process_that_does_not_end_is_killed_and_told_of() -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"deaf\n"
        with pytest.raises(subprocess.TimeoutExpired):
            end(process, patience_seconds=0.1)
        assert process.returncode == -signal.SIGKILL
