"""How each kind of job is made: one recipe per kind, its prompts, and the ports it needs."""
