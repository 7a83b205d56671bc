"""The configuration that pages look at: what calls are made with, at most a second old."""

from apps.gateway.config import Config, web_config


def current_config() -> Config:
    return web_config().current
