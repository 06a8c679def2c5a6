"""Image workflow: recipe."""
