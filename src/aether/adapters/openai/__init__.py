"""OpenAI adapter: models on any server with OpenAI's HTTP interface, called through OpenAI's own client."""
