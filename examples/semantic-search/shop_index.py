"""The shop's search index: texts become vectors through the platform, vectors live in Postgres."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from openai import OpenAI

HERE = Path(__file__).resolve().parent
DIMENSIONS = 384  # of the model behind the route `embeddings`
TABLE = f"""
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE IF NOT EXISTS example_product (
    id text PRIMARY KEY,
    name text NOT NULL,
    embedding vector({DIMENSIONS}) NOT NULL
)
"""
# <=> is pgvector's cosine distance: 0 for the same direction, 2 for the opposite one.
NEAREST = """
SELECT id, name, 1 - (embedding <=> %(vector)s::vector) AS likeness
FROM example_product ORDER BY embedding <=> %(vector)s::vector LIMIT %(limit)s
"""
STORE = """
INSERT INTO example_product (id, name, embedding) VALUES (%s, %s, %s::vector)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, embedding = excluded.embedding
"""


@dataclass(frozen=True)
class Hit:
    id: str
    name: str
    likeness: float


def read(name: str) -> list[dict[str, Any]]:
    """The rows of `products.json` or `queries.json`."""
    rows: list[dict[str, Any]] = json.loads((HERE / name).read_text())
    return rows


def connect() -> psycopg.Connection:
    return psycopg.connect(os.environ["EXAMPLE_DATABASE_URL"])


def embed(texts: Sequence[str]) -> list[str]:
    """One vector a text, as pgvector writes it: all in one priced call."""
    client = OpenAI(
        base_url=f"{os.environ['LLMPLATFORM_GATEWAY_URL']}/v1",
        api_key=os.environ["LLMPLATFORM_API_KEY"],
    )
    answer = client.embeddings.create(model="embeddings", input=list(texts))
    return [json.dumps(item.embedding) for item in answer.data]


def index(connection: psycopg.Connection, products: Sequence[dict[str, Any]]) -> None:
    """Store every product; one that is known already is replaced."""
    vectors = embed([f"{row['name']}. {row['description']}" for row in products])
    rows = [(row["id"], row["name"], vector) for row, vector in zip(products, vectors, strict=True)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.executemany(STORE, rows)


def nearest(connection: psycopg.Connection, vector: str, *, limit: int = 3) -> list[Hit]:
    """The products that mean most nearly the same, best first."""
    rows = connection.execute(NEAREST, {"vector": vector, "limit": limit}).fetchall()
    return [Hit(*row) for row in rows]
