"""The Celery app: queues by priority, tasks found in the apps."""

import os

from celery import Celery
from celery.schedules import crontab
from kombu.entity import Queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")

app = Celery("llmplatform")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_queues = [Queue(name) for name in ("high", "normal", "low", "housekeeping")]
# No `expires`: the worker would judge it by its own clock, and one that runs ahead of beat's would
# throw every sweep away. A pile left by a long pause is worked off in milliseconds a message.
_HOUSEKEEPING = {"queue": "housekeeping"}
app.conf.beat_schedule = {
    "sweep": {
        "task": "jobs.sweep",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "expire-holds": {
        "task": "jobs.expire_holds",
        "schedule": 60.0,
        "options": _HOUSEKEEPING,
    },
    "forget-values-of-runs": {
        "task": "playground.forget",
        "schedule": 3600.0,
        "options": _HOUSEKEEPING,
    },
    "budget-alerts": {
        "task": "budgets.alerts",
        "schedule": 60.0,
        "options": _HOUSEKEEPING,
    },
    "mail-cost-views": {
        "task": "finance.mail",
        "schedule": 60.0,
        "options": _HOUSEKEEPING,
    },
    "release-due": {
        "task": "prompts.release_due",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "advance-evaluations": {
        "task": "evals.advance",
        "schedule": 2.0,
        "options": _HOUSEKEEPING,
    },
    "post-entries": {
        "task": "ledger.post_entries",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "sum-attempts": {
        "task": "ledger.sum_attempts",
        "schedule": 60.0,
        "options": _HOUSEKEEPING,
    },
    "sum-savings": {
        "task": "finance.sum_savings",
        "schedule": 300.0,
        "options": _HOUSEKEEPING,
    },
    "count-results": {
        "task": "results.count",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "watch-experiments": {
        "task": "results.watch",
        "schedule": 10.0,
        "options": _HOUSEKEEPING,
    },
    "forget-old-calls": {
        "task": "results.forget",
        "schedule": crontab(minute="40"),
        "options": _HOUSEKEEPING,
    },
    "count-quarantine": {
        "task": "ledger.count_quarantine",
        "schedule": 60.0,
        "options": _HOUSEKEEPING,
    },
    "make-exports": {
        "task": "exports.make",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "delete-old-exports": {
        "task": "exports.delete_old_files",
        "schedule": crontab(minute="50"),
        "options": _HOUSEKEEPING,
    },
    "book-recosts": {
        "task": "repricing.book",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "close-months": {
        "task": "ledger.close_months",
        "schedule": 5.0,
        "options": _HOUSEKEEPING,
    },
    "make-months": {
        "task": "ledger.make_months",
        "schedule": crontab(minute="1"),
        "options": _HOUSEKEEPING,
    },
    "verify-rollups": {
        "task": "ledger.verify_rollups",
        "schedule": crontab(hour="3", minute="10"),
        "options": _HOUSEKEEPING,
    },
    "make-partitions": {
        "task": "ledger.make_partitions",
        "schedule": crontab(hour="*/6", minute="20"),
        "options": _HOUSEKEEPING,
    },
}
app.autodiscover_tasks()
app.set_default()  # in every thread, not only in the one that imported it
