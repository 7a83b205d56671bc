"""Writes of results."""
