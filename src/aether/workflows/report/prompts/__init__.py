"""Report prompts: the styles in which a model can be asked for a report, and their choice."""
