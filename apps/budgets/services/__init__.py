"""Writes of budgets. Every function runs inside the caller's transaction."""

from apps.budgets.locking import ask_holds
from apps.budgets.services.holds import expire_holds, hold_all, hold_now, release, settle_all

__all__ = ["ask_holds", "expire_holds", "hold_all", "hold_now", "release", "settle_all"]
