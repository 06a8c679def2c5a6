"""Guards: checks that every request must pass before its handler runs."""
