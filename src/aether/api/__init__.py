"""API: the HTTP interface, with its resources, guards, middleware and OpenAPI document."""
