#!/usr/bin/env bash
# Describe one article from its facts.
set -euo pipefail
cd "$(dirname "$0")"
: "${LLMPLATFORM_URL:?first run: eval \"\$(python3 examples/env.py)\"}"
curl --silent --show-error --fail-with-body "$LLMPLATFORM_URL/api/v1/jobs/" \
  --header "Authorization: Bearer $LLMPLATFORM_API_KEY" \
  --header "Content-Type: application/json" \
  --header "Idempotency-Key: product-content-$(date +%s)-$$" \
  --header "Prefer: wait=60" \
  --data @request.json |
  python3 ../show.py
