"""How large a template, its values and its work may be."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one template and of one rendering. Reaching one is an error, never a cut."""

    source_chars: int = 100_000
    """Characters of the source. Parsing 1 MB of tags takes more than 8 s."""

    tags: int = 1_000
    """`{{ … }}` and `{% … %}`, counted before parsing, whose cost grows with them."""

    symbols: int = 5_000
    """Words, numbers and signs in tags, counted before parsing: one tag may hold them all."""

    brackets: int = 20
    """Open brackets inside each other, counted before parsing: each costs 14 of Python's 1,000
    stack frames."""

    digits: int = 80
    """Characters of one number as written: reading it is quadratic, and 2^256 has 78 digits."""

    nodes: int = 10_000
    """Nodes of the syntax tree: bounds all that is done once per place in the text."""

    depth: int = 50
    """Nodes inside each other: each costs one or two stack frames when rendering."""

    loops: int = 4
    """`for` loops inside each other. Fuel is the true bound; this one is known when saving."""

    fuel: int = 200_000
    """Units of work of one rendering. One unit is a node run by a loop, an element touched or 16
    characters handled, each well below a microsecond. The same template and values always use
    the same."""

    deadline_seconds: float = 0.5
    """Seconds by the clock of one rendering: the second line behind fuel, which runs out long
    before on a machine that is not stalled."""

    output_chars: int = 262_144
    """Characters of the result, and of any text on the way to it: about 65,000 tokens."""

    range_items: int = 1_000
    """Numbers that one `range()` may give."""

    int_bits: int = 256
    """Bits of any whole number: squaring doubles them each time."""

    context_chars: int = 1_000_000
    """Size of all values together: characters, plus 16 for each value, for its memory."""

    context_depth: int = 32
    """Lists and objects inside each other in the values."""

    faults: int = 50
    """Faults reported at once for one template."""


DEFAULT = Limits()
