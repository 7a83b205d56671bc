"""Time-ordered ids (UUID version 7, RFC 9562 §5.7)."""

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """A new UUIDv7: Unix milliseconds, their fraction in 12 bits (RFC 9562 §6.2, method 3), then
    random bits. Sorts by creation time, down to a quarter of a microsecond."""
    millis, nanos = divmod(time.time_ns(), 1_000_000)
    fraction = (nanos << 12) // 1_000_000
    random_bits = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=millis << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | random_bits)
