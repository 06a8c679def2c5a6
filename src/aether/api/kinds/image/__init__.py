"""Image generations over HTTP: controller, schemas, events and examples."""
