"""The larger run: python -m tests.attack --companies 10000"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attack.many import hidden, merged, merged_on_all_pages, run

MEMORY = Path("/dev/shm")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--companies", type=int, default=10_000, help="read by the download of each release")
    asked.add_argument("--pages", type=int, default=20, help="read by all pages, exports and mails")
    asked.add_argument(
        "--control", type=int, default=500, help="closed by hiding below k, to show the attacker can win"
    )
    asked.add_argument("--first", type=int, default=0, help="the first company's seed")
    asked.add_argument("--processes", type=int, default=2)
    chosen = asked.parse_args()
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as home:
        for title, job, count in (
            ("Hide below k (control)", hidden, chosen.control),
            ("Merged, all pages, exports and mails", merged_on_all_pages, chosen.pages),
            ("Merged, downloads", merged, chosen.companies),
        ):
            print(f"{title}:", flush=True)
            figures = run(job, range(chosen.first, chosen.first + count), chosen.processes, Path(home))
            print("\n".join(figures.lines()))
            if job is not hidden:
                print("\n".join(figures.cost_lines()), flush=True)


if __name__ == "__main__":
    main()
