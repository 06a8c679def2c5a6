"""Inbox resource: notifications that jobs have ended."""
