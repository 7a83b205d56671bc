"""How many of the planted queries find their product: first, and among the first three.

.venv/bin/python examples/semantic-search/evaluate.py
"""

import json
import sys

from shop_index import connect, embed, nearest, read

queries = read("queries.json")
ranks = {}
with connect() as connection:
    for row, vector in zip(queries, embed([row["query"] for row in queries]), strict=True):
        found = [hit.id for hit in nearest(connection, vector)]
        ranks[row["query"]] = found.index(row["product"]) + 1 if row["product"] in found else None
        print(f"{ranks[row['query']] or '-'}  {row['query']} -> {', '.join(found)}")
first = sum(rank == 1 for rank in ranks.values())
top_three = sum(rank is not None for rank in ranks.values())
print(json.dumps({"queries": len(queries), "first": first, "top_three": top_three}))
sys.exit(0 if top_three == len(queries) else 1)
