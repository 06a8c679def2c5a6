"""Checklists over HTTP: controller, schemas, events and examples."""
