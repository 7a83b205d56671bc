"""The OpenAI-compatible endpoints: a lean ASGI app, because Django's own handler alone costs more
than a whole call may. No ORM call happens on its event loop."""
