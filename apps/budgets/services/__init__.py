"""Writes of budgets. Every function runs inside the caller's transaction."""

from apps.budgets.services.holds import expire_holds, hold_all, release, settle_all

__all__ = ["expire_holds", "hold_all", "release", "settle_all"]
