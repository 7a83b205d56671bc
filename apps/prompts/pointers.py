"""Where in a version, or in what a caller sent, something is."""

NAME_SHOWN = 100  # characters of a name that a caller made up


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901 §3)."""
    return "".join(
        "/" + str(part)[:NAME_SHOWN].replace("~", "~0").replace("/", "~1") for part in parts
    )
