"""Inbox resource: notifications of jobs that have ended."""
