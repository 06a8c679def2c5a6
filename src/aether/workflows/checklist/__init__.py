"""Checklist workflow: recipe, editor, prompts and parser."""
