"""Guards: the checks that a request has to pass before its handler runs."""
