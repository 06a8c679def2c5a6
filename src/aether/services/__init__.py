"""Services: the use cases of jobs, inbox and webhooks, independent of the transport."""
