from apps.repricing.admin import recosts  # noqa: F401 - registers recosts
