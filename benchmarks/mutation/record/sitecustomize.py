"""Start coverage in every Python process of the recorded tests, their commands' included."""

import coverage

coverage.process_startup()
