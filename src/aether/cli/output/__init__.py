"""Output: how progress and results reach the user."""
