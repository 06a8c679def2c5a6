"""Use cases: what callers do with jobs, their inbox and their webhooks, whatever the transport."""
