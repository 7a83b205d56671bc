from apps.exports.admin import exports  # noqa: F401 - registers exports
