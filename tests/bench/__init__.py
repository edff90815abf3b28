"""What Espejo costs, measured by one command: python -m tests.bench. No test asserts a time."""
