"""Local adapters: an embedded Valkey and a local model, which the service starts as child processes."""
