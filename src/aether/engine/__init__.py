"""Durable execution: runs, steps, retries. Knows neither HTTP nor any model vendor."""
