"""Reports over HTTP: controller, schemas, events and examples."""
