"""Find the products that fit a search; no word has to match.

.venv/bin/python examples/semantic-search/search.py something warm for my feet
"""

import sys

from shop_index import connect, embed, nearest

if len(sys.argv) < 2:
    sys.exit("Say what you are looking for.")
[vector] = embed([" ".join(sys.argv[1:])])
with connect() as connection:
    for hit in nearest(connection, vector, limit=5):
        print(f"{hit.likeness:5.2f}  {hit.id:<16} {hit.name}")
