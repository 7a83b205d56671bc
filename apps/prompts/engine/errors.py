"""What can be wrong with a template. Messages name places and kinds, no values: logs keep them."""


class TemplateError(Exception):
    """A fault in a template or in what it was given.

    `message` says in plain words what is wrong and the way out, `line` is the 1-based line in the
    source where known, `code` is stable for programs. `permanent`: trying again cannot help.
    """

    permanent = True

    def __init__(self, message: str, *, code: str = "error", line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.line = line

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class TemplateSyntaxError(TemplateError):
    """The source is not a template: an unclosed tag, an unknown tag, a stray sign."""


class PolicyError(TemplateError):
    """The source is a template, but uses something that prompts may not, or is too large."""


class RenderError(TemplateError):
    """These values cannot be rendered: one is missing or unfit, or a limit was reached."""


class DeadlineError(RenderError):
    """The clock ran out before the fuel: the machine was stalled, so another try may succeed."""

    permanent = False
