"""The web process with a mutant: granian serves `tests.chaos.web:application`."""

import os

from llmplatform.wsgi import application
from tests.chaos import mutants

mutants.apply(os.environ.get("CHAOS_MUTANT", ""))
__all__ = ["application"]
