"""Webhooks resource: the endpoint, its secrets and the deliveries."""
