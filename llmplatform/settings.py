"""All settings, read from the environment once. Every variable stands in `.env.example`.

Insecure defaults exist only in the embedded mode (`LLMPLATFORM_EMBEDDED=1`, set by `manage.py up`
and `manage.py test`); anywhere else a missing secret stops the start.
"""

from pathlib import Path

import django_stubs_ext
import environ

from llmplatform.logging import logging_config

django_stubs_ext.monkeypatch()  # ModelAdmin[Model] is generic for the type checker only

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # NAME_FILE=/run/secrets/name works for every NAME

EMBEDDED = env.bool("LLMPLATFORM_EMBEDDED", default=False)
ENVIRONMENT_NAME = env.str("ENVIRONMENT_NAME", default="dev" if EMBEDDED else "prod")

# --- Secrets -------------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="embedded-only") if EMBEDDED else env.str("SECRET_KEY")
# HMAC key of API key hashes; changing it invalidates every key, so it is not SECRET_KEY.
API_KEY_PEPPER = (
    env.str("API_KEY_PEPPER", default="embedded-only") if EMBEDDED else env.str("API_KEY_PEPPER")
)

# --- Web -----------------------------------------------------------------------------------------
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
GATEWAY_URL = env.str("GATEWAY_URL", default="http://127.0.0.1:8001")
WEB_URL = env.str("WEB_URL", default="http://127.0.0.1:8000")
SECURE_SSL_REDIRECT = not EMBEDDED
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not EMBEDDED
SECURE_HSTS_SECONDS = 0 if EMBEDDED else env.int("HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not EMBEDDED
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_TLS_PROXY", default=False) else None
)
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # probes come from inside, without TLS
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024  # bytes; a body above it is a 413

INSTALLED_APPS = [
    "llmplatform.admin_site.PlatformAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_linear_migrations",
    "django_prometheus",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "apps.core",
    "apps.audit",
    "apps.access",
    "apps.registry",
    "apps.providers",
    "apps.prompts",
    "apps.ledger",
    "apps.budgets",
    "apps.routing",
    "apps.cache",
    "apps.results",
    "apps.reconciliation",
    "apps.gateway",
    "apps.jobs",
    "apps.evals",
    "apps.playground",
    "apps.finance",
    "apps.exports",
    "apps.repricing",
    "apps.dashboard",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "apps.core.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.audit.middleware.HistoryMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "llmplatform.urls"
WSGI_APPLICATION = "llmplatform.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Data ----------------------------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["OPTIONS"] |= {"connect_timeout": 5}
DATABASE_ROLE = env.str("DATABASE_ROLE", default="")  # may not change the ledger: docs/ledger.md
if DATABASE_ROLE:
    DATABASES["default"]["OPTIONS"]["assume_role"] = DATABASE_ROLE
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
REDIS_URL = env.str("REDIS_URL")  # cache, token buckets
BROKER_URL = env.str("BROKER_URL", default=REDIS_URL)  # may be an instance of its own (noeviction)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Accounts ------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"

# --- Language and time ---------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
REPORTING_TIME_ZONE = env.str("REPORTING_TIME_ZONE", default="UTC")  # days of cost reports

# --- Static files --------------------------------------------------------------------------------
STATIC_URL = "static/"
# collectstatic writes here; the embedded mode serves the files from where they are
STATIC_ROOT = None if EMBEDDED else env.path("STATIC_ROOT", default=BASE_DIR / "staticfiles")()
WHITENOISE_USE_FINDERS = EMBEDDED  # no collectstatic step on a newcomer's machine
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.access.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apps.access.api.permissions.IsService"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.api.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.CreatedCursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.problems.exception_handler",
    "PAGE_SIZE": 50,
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "llmplatform",
    "VERSION": "1",
    "DESCRIPTION": "Post jobs, read answers with their tokens and exact cost, and keep budgets.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "JobStatus": "apps.jobs.models.JobStatus",
        "OnUnknown": "apps.prompts.types.OnUnknown",
        "RequestKind": "apps.prompts.models.RequestKind",
    },
}

# --- Celery: a doorbell, never the truth (ARCHITECTURE.md) ---------------------------------------
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "max_connections": 50,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "normal"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"

# --- Jobs and calls ------------------------------------------------------------------------------
GATEWAY_MAX_CALLS = env.int("GATEWAY_MAX_CALLS", default=4000)  # in flight per gateway process
JOB_SLOTS = env.int("JOB_SLOTS", default=512)  # calls in flight per worker process
JOB_LEASE_SECONDS = env.int(
    "JOB_LEASE_SECONDS", default=30
)  # a dead worker's jobs return after this
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", default=5)  # claims before a job is dead-lettered
CALL_TIMEOUT_SECONDS = env.int("CALL_TIMEOUT_SECONDS", default=120)  # default deadline of a call
PLAYGROUND_KEEP_DAYS = env.int("PLAYGROUND_KEEP_DAYS", default=30)  # values and answers of runs
STREAM_KEEP_ALIVE_SECONDS = env.float("STREAM_KEEP_ALIVE_SECONDS", default=15)  # silence, at most
CALL_TIMEOUT_MAX_SECONDS = env.int("CALL_TIMEOUT_MAX_SECONDS", default=600)  # of a call, at most
UNKNOWN_HOLD_SECONDS = env.int(
    "UNKNOWN_HOLD_SECONDS", default=172_800
)  # hold of an unknown outcome
CACHE_TTL_SECONDS = env.int("CACHE_TTL_SECONDS", default=3600)  # where no rule says else
CACHE_MAX_ANSWER_BYTES = env.int("CACHE_MAX_ANSWER_BYTES", default=1024 * 1024)
# host or host:port of model servers on private addresses that deployments may point at
OUTBOUND_ALLOWED_HOSTS = env.list("OUTBOUND_ALLOWED_HOSTS", default=[])
# whether who asks for more budget may approve it; otherwise somebody else has to
BUDGET_RAISE_SINGLE_APPROVER = env.bool("BUDGET_RAISE_SINGLE_APPROVER", default=False)
METRICS_PORT = env.int("METRICS_PORT", default=0)  # of a worker process; 0: none

# --- Mail: EMAIL_HOST, EMAIL_PORT and so on, of one address --------------------------------------
globals().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="llmplatform@localhost")

LOGGING_CONFIG = None
LOG_FORMAT = env.str("LOG_FORMAT", default="json")  # json | console
logging_config(format_=LOG_FORMAT, level=env.str("LOG_LEVEL", default="INFO"))

PGHISTORY_INSTALL_CONTEXT_FUNC_ON_MIGRATE = True
PGHISTORY_JSON_ENCODER = "apps.audit.history.ContextEncoder"
