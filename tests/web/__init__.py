"""Tests of the pages; a package, since tests/test_demo.py may exist beside tests/web/test_demo.py."""
