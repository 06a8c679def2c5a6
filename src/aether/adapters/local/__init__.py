"""Local adapters: what the service starts for itself on one machine."""
