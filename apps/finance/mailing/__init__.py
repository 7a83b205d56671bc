"""Saved views by mail: `when` they are due, `letters` put into the outbox, `content` made and
written, and sent by `outbox`."""
