"""Durable execution: runs, steps and retries that survive a crash. Knows neither HTTP nor any model vendor."""
