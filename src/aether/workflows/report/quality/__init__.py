"""Quality of a report: checks of its sections by code, without a model."""
