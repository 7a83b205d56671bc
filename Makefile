# Short names for what manage.py and the tools in .venv do. Nothing here is needed: README.md's two
# commands are enough to run and to test.
.DEFAULT_GOAL := help
.PHONY: help up down status test checks lint format types layers migrations schema hooks editor

PYTHON := .venv/bin/python
# Tools that read the settings but no database.
SETTINGS := LLMPLATFORM_EMBEDDED=1 DATABASE_URL=postgres://127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1 \
	DJANGO_SETTINGS_MODULE=llmplatform.settings
DJANGO := $(SETTINGS) $(PYTHON) -W ignore -m django

help:  ## List what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up:  ## Run the product until Ctrl-C
	python3 manage.py up

down:  ## Stop what `up --detach` left running
	python3 manage.py down

status:  ## Which process is ready
	python3 manage.py status

test:  ## Tests; ARGS="tests/jobs -k cancel" runs some
	python3 manage.py test $(ARGS)

checks:  ## All checks of a build but the tests
	python3 manage.py checks

lint: $(PYTHON)  ## Ruff: faults and style
	$(PYTHON) -m ruff check .

format: $(PYTHON)  ## Ruff: put everything in form
	$(PYTHON) -m ruff format .

types: $(PYTHON)  ## Mypy, strict
	$(SETTINGS) $(PYTHON) -m mypy apps

layers: $(PYTHON)  ## Who may import whom
	.venv/bin/lint-imports

migrations: $(PYTHON)  ## Do the models have their migrations?
	$(DJANGO) makemigrations --check --dry-run

schema: $(PYTHON)  ## Write the API's schema to .local/openapi.yaml
	mkdir -p .local
	$(DJANGO) spectacular --validate --fail-on-warn --file .local/openapi.yaml

editor:  ## Build the prompt editor from assets/editor (needs Node.js; nothing else does)
	cd assets/editor && npm ci --no-audit --no-fund && node build.mjs

hooks: $(PYTHON)  ## Check before each commit
	$(PYTHON) -m pre_commit install

$(PYTHON):
	python3 manage.py help > /dev/null
