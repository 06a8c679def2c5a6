"""Webhooks resource: the endpoint, the signing secrets and the deliveries."""
