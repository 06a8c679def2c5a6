"""OpenAPI: the document, its parts, and the docs page."""
