"""Where everything is put together, the API's half and the worker's; the only place that knows every name."""
