"""The questions that were answered, as vectors on shelves: Redis lists, newest first.

All questions on a shelf are equal in everything but their wording. A row says under which key the
answer stands; whether that is still valid is the answer's own matter, so an invalidation needs
nothing here. Redis away, or a row that is not as it was written: nothing is similar.
"""

import hashlib
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from apps.cache.types import Question
from apps.cache.vectors import Vector, likeness
from apps.core.redis import RedisError
from apps.core.redis_wire import wire_of

if TYPE_CHECKING:
    import redis.asyncio

log = structlog.get_logger(__name__)

# So many numbers are kept on a shelf and compared at most: milliseconds of the event loop, 160 kB.
_NUMBERS_AT_MOST, _QUESTIONS_AT_MOST = 40_960, 100
_TRIES = 3  # of the nearest questions: the answers of the first may be gone
_SEAL, _KEY = 8, 32  # bytes of a row before its vector
_ROUNDING = 1e-4  # of 32-bit floats in a sum of thousands

# An answer that is renewed moves to the front. ARGV: row, rows at most, seconds.
_KEEP = """
redis.call('LREM', KEYS[1], 0, ARGV[1])
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
redis.call('EXPIRE', KEYS[1], math.max(ARGV[3], redis.call('TTL', KEYS[1])))
"""


@dataclass(frozen=True, slots=True)
class Near:
    """The key of an answer, and how like its question is."""

    key: str
    likeness: float


class Questions:
    """One for each event loop."""

    def __init__(self, redis: "redis.asyncio.Redis") -> None:
        self._wire = wire_of(redis)
        self._keep = redis.register_script(_KEEP)

    async def nearest(self, question: Question, at_least: float) -> list[Near]:
        """The most similar first."""
        try:
            rows = await self._wire.send("LRANGE", question.shelf, 0, at_most(question) - 1)
        except RedisError as error:
            log.warning("cache_questions_failed", error=str(error))
            return []
        found = [near for row in rows if (near := _near(question, row, at_least)) is not None]
        return sorted(found, key=lambda near: -near.likeness)[:_TRIES]

    def keep(self, question: Question, key: str, *, seconds: int) -> None:
        """Nobody waits for it."""
        rest = bytes.fromhex(key) + question.vector.tobytes()
        args: list[Any] = [_sealed(question.shelf, rest) + rest, at_most(question), seconds]
        self._wire.tell(self._keep, [question.shelf], args, failed=_not_kept)


def shelf_of(tenant: str, digest: str) -> str:
    return f"cache:questions:{tenant}:{digest}"


def at_most(question: Question) -> int:
    """How many questions a shelf keeps."""
    return min(_QUESTIONS_AT_MOST, max(1, _NUMBERS_AT_MOST // len(question.vector)))


def _near(question: Question, row: bytes, at_least: float) -> Near | None:
    seal, rest = row[:_SEAL], row[_SEAL:]
    if seal != _sealed(question.shelf, rest):
        return None
    vector: Vector = array("f")
    vector.frombytes(rest[_KEY:])
    if len(vector) != len(question.vector):
        return None
    like = likeness(question.vector, vector)
    return Near(rest[:_KEY].hex(), min(1.0, like)) if like + _ROUNDING >= at_least else None


def _sealed(shelf: str, rest: bytes) -> bytes:
    """Binds a row to its shelf and shows what was cut or changed; it keeps no secret."""
    return hashlib.blake2b(shelf.encode() + b"\0" + rest, digest_size=_SEAL).digest()


def _not_kept(error: RedisError) -> None:
    log.warning("cache_question_not_kept", error=str(error))
