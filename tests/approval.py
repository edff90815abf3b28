"""Texts that a person has read and approved, kept as files; a test fails when a text differs from its file.

`ESPEJO_APPROVE=1` writes the texts as they are now; look at the difference in git before you commit it.
"""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

APPROVED = Path(__file__).parent / "approved"


def assert_approved(name: str, text: str) -> None:
    path = APPROVED / f"{name}.txt"
    if os.environ.get("ESPEJO_APPROVE"):
        path.write_text(text, encoding="utf-8")
    approved = path.read_text(encoding="utf-8") if path.exists() else ""
    if text != approved:
        lines = unified_diff(approved.splitlines(), text.splitlines(), f"approved {path.name}", "now", lineterm="")
        advice = "Mend it, or take it as it is now: ESPEJO_APPROVE=1 pytest tests/test_emails.py"
        pytest.fail("\n".join([*lines, advice]), pytrace=False)
