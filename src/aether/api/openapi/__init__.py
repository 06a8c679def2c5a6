"""OpenAPI document: its assembly, its parts, and the pages that show it."""
