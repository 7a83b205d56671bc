# One image for web, gateway, worker and beat; docker-compose.yml says which command runs where.
FROM python:3.11.14-slim-bookworm AS packages
RUN python -m venv /venv
COPY requirements.lock /tmp/requirements.lock
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check \
    --no-deps --require-hashes --only-binary :all: --requirement /tmp/requirements.lock

FROM python:3.11.14-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    DJANGO_SETTINGS_MODULE=llmplatform.settings \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home app
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY llmplatform ./llmplatform
COPY apps ./apps
COPY templates ./templates
# load_samples reads the prompts
COPY examples ./examples
# Settings want these four; a collectstatic uses none of them, and no layer keeps them.
RUN SECRET_KEY=build API_KEY_PEPPER=build DATABASE_URL=postgres://build REDIS_URL=redis://build \
    python -m django collectstatic --noinput
USER 10001:10001
EXPOSE 8000 8001 8002
CMD ["python", "-m", "granian", "--interface=wsgi", "--host=0.0.0.0", "--port=8000", "--no-ws", "--workers-kill-timeout=10", "--log-level=error", "--blocking-threads=32", "llmplatform.wsgi:application"]
