"""Templates resource: controller, schemas, and the forms in which templates are sent."""
