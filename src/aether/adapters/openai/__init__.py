"""Any server that speaks OpenAI's HTTP interface, through OpenAI's own client."""
