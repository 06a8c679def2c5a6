"""Webhooks: notifies owners' servers when jobs end, as https://www.standardwebhooks.com specifies."""
