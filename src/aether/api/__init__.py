"""The HTTP interface: one file per resource, views, and the table from errors to problems."""
