from apps.finance.admin import addresses_admin, views_admin  # noqa: F401 - registers pages
