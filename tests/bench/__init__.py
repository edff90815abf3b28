"""What pages cost, measured by commands; no test asserts a time."""
