"""Fixtures over the factories."""
