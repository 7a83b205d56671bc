"""What an enemy would save as a prompt, by how it must end: about four hundred templates.

Ways into Python (attributes, globals, methods, filters that call), loops, recursion, numbers,
texts, what makes a parser work hard, and values that look like templates.
"""

from tests.prompts.engine.payloads.harmless import FINE
from tests.prompts.engine.payloads.refused import REFUSED
from tests.prompts.engine.payloads.stopped import STOPPED
from tests.prompts.engine.payloads.unreadable import UNREADABLE

__all__ = ["FINE", "REFUSED", "STOPPED", "UNREADABLE"]
