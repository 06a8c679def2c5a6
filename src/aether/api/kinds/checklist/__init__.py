"""Checklists: resource, controller, schemas, events and examples."""
