"""Telling the world outside that a job has ended: webhooks as https://www.standardwebhooks.com has them."""
