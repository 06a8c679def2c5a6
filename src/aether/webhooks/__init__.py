"""Webhooks: the delivery of job ends to the servers of owners, as https://www.standardwebhooks.com specifies."""
