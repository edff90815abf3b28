"""Run the full form of every fault, one after the other, and print a table: python -m tests.crash

Each is a command of its own, which prints its figures and ends with 0 when what must hold has held.
"""

import shlex
import subprocess
import sys
import time

FAULTS = {
    "killed while answers arrive": "answers --answers 10000 --kills 200",
    "answers, on PostgreSQL": "answers --answers 2000 --kills 40 --postgres",
    "the disk full": "disk --answers 1000",
    "files that may not grow": "disk --answers 500 --limit",
    "answers while the wave closes": "closing --waves 170",
    "closing, on PostgreSQL": "closing --waves 50 --postgres",
    "database locked, restarted": "outages --locks 3 --restarts 8",
    "hosts cut off": "hosts --answers 6000",
    "mail, and senders killed": "mail --messages 2000 --kills 200",
    "steps killed anywhere": "steps",
    "steps, on PostgreSQL": "steps --postgres",
    "clocks against each other": "clock",
    "clocks, on PostgreSQL": "clock --postgres",
}
# Commands that must fail, or the harness sees nothing.
CONTROLS = {
    "control: answers in two steps": "answers --answers 1000 --kills 20 --two-steps",
    "control: steps in two steps": "steps --two-steps",
    "control: a standby left behind": "hosts --answers 800 --short --asynchronous",
}


def run(words: str) -> tuple[bool, str]:
    """Whether what must hold has held, and for how long it was tried."""
    print(f"\npython -m tests.crash.{words}", flush=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *shlex.split(f"tests.crash.{words}")], check=False)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    return done.returncode == 0, f"{minutes}:{seconds:02}"


def main() -> None:
    rows = []
    for fault, words in (FAULTS | CONTROLS).items():
        held, took = run(words)
        as_it_should = held is (fault in FAULTS)
        rows.append((fault, "held" if held else "broke", "" if as_it_should else "  <- NOT AS IT SHOULD BE", took))
    print(f"\n{'fault':<32}{'what must hold':<16}{'minutes':>8}")
    for fault, held, remark, took in rows:
        print(f"{fault:<32}{held:<16}{took:>8}{remark}")
    sys.exit(any(remark for _, _, remark, _ in rows))


if __name__ == "__main__":
    main()
