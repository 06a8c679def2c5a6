"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says nothing on a machine with other work to do.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
