"""What makes a bare machine run the product: its own Postgres, Valkey and models, from wheels.

Used by `manage.py up` and `manage.py test`; a deployment on real servers never imports it.
"""
