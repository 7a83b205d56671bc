"""Embed the shop's products and keep the vectors in Postgres (table `example_product`).

.venv/bin/python examples/semantic-search/index.py
"""

from shop_index import connect, index, read

products = read("products.json")
with connect() as connection:
    index(connection, products)
print(f"{len(products)} products are indexed.")
