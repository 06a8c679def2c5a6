"""Image generations: resource, controller, schemas, events, errors and examples."""
