"""What holds for all tests."""

from hypothesis import settings

from tests.example_kind import register

# How long an example takes says nothing on a machine with other work to do.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

# For the whole session: the suites over all kinds take their rows from the registries while tests are collected.
REGISTRATION = register()
