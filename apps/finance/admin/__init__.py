from apps.finance.admin import views_admin  # noqa: F401 - registers saved views
