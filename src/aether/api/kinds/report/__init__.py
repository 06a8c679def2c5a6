"""Reports: resource, controller, schemas, events and examples."""
