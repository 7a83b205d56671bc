"""Structured logs: one JSON object a line, or coloured lines in a terminal.

The request id travels in structlog's context variables (`request_id`), bound by the web
middleware, the gateway and the worker, so that one id finds every line of a call.
"""

import json
import logging.config
import os
from collections.abc import Callable
from typing import Any

import orjson
import structlog

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def logging_config(*, format_: str, level: str) -> None:
    """Route structlog and the standard library through one handler on stdout."""
    # Found out for every line, and shown by none.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"default": {"()": _formatter, "format_": format_}},
            "handlers": {
                "stdout": {
                    "class": "logging.StreamHandler",
                    "stream": "ext://sys.stdout",
                    "formatter": "default",
                }
            },
            "root": {"handlers": ["stdout"], "level": level},
            "loggers": {
                # One line a request from client libraries would double every log.
                "httpx2": {"level": "WARNING"},
                "httpcore2": {"level": "WARNING"},
                "openai": {"level": "WARNING"},
                # Tasks are doorbells, several a second; the jobs behind them log for themselves.
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
            },
        }
    )


def _json(event: Any, default: Callable[[Any], Any]) -> str:
    try:
        return orjson.dumps(event, default=default).decode()
    except TypeError:  # a lone surrogate, or a number of more than 64 bits
        return json.dumps(event, default=default)


def _formatter(format_: str) -> structlog.stdlib.ProcessorFormatter:
    renderer: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors="NO_COLOR" not in os.environ,
                # The default shows local variables, a connection's password among them.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if format_ == "console"
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
