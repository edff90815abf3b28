"""Faults on purpose: processes killed, disks filled, databases locked or restarted; and what must hold all the same.

`python -m tests.crash` runs the full form of each and prints a table; pytest runs short forms (marked `crash`).
"""
