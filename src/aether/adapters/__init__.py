"""Adapters: one module or package per technology outside the process; each implements ports of the inner layers."""
