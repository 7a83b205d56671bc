"""The page that every problem's `type` points at: each code, what it means, what to do."""

from dataclasses import dataclass
from typing import Any

from django.views.generic import TemplateView


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """`retry`: whether the same request may succeed later."""

    code: str
    status: str
    meaning: str
    retry: str
    remedy: str


ERRORS = (
    ErrorCode("invalid_request", "400", "Fields are wrong, missing or unknown.", "no",
              "Every fault stands in errors[] with a JSON pointer."),
    ErrorCode("no_candidate", "400", "No deployment may answer this request: region or tag.", "no",
              "The message names each deployment, why not, and the way out."),
    ErrorCode("parse_error", "400", "The body is not JSON that we accept.", "no",
              "Send UTF-8 JSON: no NaN, no NUL character, at most 64 levels deep."),
    ErrorCode("invalid_json", "400", "parse_error, at the endpoints under /v1/.", "no",
              "As parse_error."),
    ErrorCode("invalid_api_key", "401", "The key is missing, unknown, revoked or expired.", "no",
              "Send “Authorization: Bearer <key>”; ask an operator for a new key."),
    ErrorCode("authentication_failed", "401", "The same, at the REST API.", "no",
              "Send “Authorization: Bearer <key>”."),
    ErrorCode("not_authenticated", "401", "No credential was sent.", "no",
              "Send “Authorization: Bearer <key>”."),
    ErrorCode("budget_exceeded", "402", "What the call could cost at most does not fit a budget.",
              "no", "The answer names the budget. Lower max_tokens, or ask finance."),
    ErrorCode("permission_denied", "403", "The credential may not do this.", "no",
              "Use a service's key, or ask for the right."),
    ErrorCode("not_permitted", "403", "You may release, but may not do this with this one.", "no",
              "The message says who may: docs/releases.md."),
    ErrorCode("blocked", "403", "A policy blocked it.", "no", "Change what is asked."),
    ErrorCode("not_found", "404", "There is no such thing, or it is not yours.", "no",
              "Check the id."),
    ErrorCode("prompt_not_found", "404", "No such prompt, channel or version.", "no",
              "The message lists what exists."),
    ErrorCode("model_not_found", "404", "No such route or model.", "no",
              "The message lists what exists."),
    ErrorCode("not_cached", "404", "cache=only, and no answer is cached.", "later",
              "Use cache=use to make the call."),
    ErrorCode("call_not_found", "404", "No call of this service has that request id.", "no",
              "Send the x-request-id of an answer, or a job's request_id."),
    ErrorCode("method_not_allowed", "405", "The address knows other methods.", "no",
              "The Allow header names them."),
    ErrorCode("not_acceptable", "406", "We answer in JSON only.", "no", "Accept application/json."),
    ErrorCode("already_finished", "409", "The job has ended; there is nothing to cancel.", "no",
              "Read the job."),
    ErrorCode("export_refused", "409", "An export of yours is open, or too many wait.", "later",
              "Wait until it is ready; one at a time."),
    ErrorCode("endpoint_off", "409", "The webhook endpoint is switched off.", "no",
              "Switch it on, then send the test."),
    ErrorCode("call_not_ended", "409", "The call that is to be scored is still under way.", "yes",
              "Score the answer when it is there."),
    ErrorCode("conflict", "409", "Something else stands in the way of the change.", "no",
              "The message says what."),
    ErrorCode("body_too_slow", "408", "The body did not arrive within 30 s, at the endpoints under "
              "/v1/.", "yes", "Send it at once."),
    ErrorCode("body_too_large", "413", "The body is over the limit.", "no", "Send less at once."),
    ErrorCode("unsupported_media_type", "415", "The body is not application/json.", "no",
              "Set Content-Type: application/json."),
    ErrorCode("idempotency_key_reused", "422", "The key was used with another body.", "no",
              "Use a new key for a new request."),
    ErrorCode("prompt_refused", "422", "A prompt, version or release cannot be changed so.", "no",
              "Every fault stands in errors[] with its way out."),
    ErrorCode("metric_unfit", "422", "There is no such metric, or the value is not one of its.",
              "no", "The message lists the metrics, or the bounds."),
    ErrorCode("rate_limited", "429", "The service's tier is used up for the moment.", "yes",
              "Wait for Retry-After."),
    ErrorCode("insufficient_quota", "429", "budget_exceeded, as the OpenAI client knows it.", "no",
              "As budget_exceeded."),
    ErrorCode("rate_limit_exceeded", "429", "rate_limited, as the OpenAI client knows it.", "yes",
              "As rate_limited."),
    ErrorCode("context_length_exceeded", "400", "context_too_long, as the OpenAI client knows it.",
              "no", "As context_too_long."),
    ErrorCode("content_policy_violation", "400", "content_refused, as the OpenAI client knows it.",
              "no", "As content_refused."),
    ErrorCode("client_too_slow", "–", "In a stream: so slowly read that 1 MiB waited.", "yes",
              "Read faster; the answer is billed all the same."),
    ErrorCode("bad_request", "400", "The provider refused the request.", "no",
              "The message carries the provider's words."),
    ErrorCode("context_too_long", "400", "It does not fit the model's context.", "no",
              "Shorten the input or choose a larger model."),
    ErrorCode("content_refused", "400", "The provider's filter refused it.", "no",
              "Change what is asked."),
    ErrorCode("internal_error", "500", "A fault of ours.", "later",
              "Tell us the request id."),
    ErrorCode("provider_failed", "502, 503", "No provider answered, retries included.", "503: yes",
              "The message carries the last error."),
    ErrorCode("no_deployment", "503", "Every deployment of the model is off, resting or full.",
              "yes", "Wait for Retry-After."),
    ErrorCode("overloaded", "503", "The gateway process has too much to do; nothing was sent.",
              "yes", "Wait for Retry-After; a tier of more importance is refused later."),
    ErrorCode("unavailable", "503", "A part of ours is away; nothing was stored or sent.", "yes",
              "Wait for Retry-After."),
    ErrorCode("deadline_exceeded", "504", "The deadline passed before an answer came; what was "
              "sent may be billed.", "no", "Give more time before you send it again: as it was, it "
              "may only cost a second time."),
    ErrorCode("cancelled", "–", "The job or call was given up.", "yes", "Post it again."),
    ErrorCode("expired", "–", "The job's deadline passed while it waited; nothing was sent.", "yes",
              "Post it again with more time."),
    ErrorCode("outcome_unknown", "502", "It was sent, nobody knows its outcome, and it may not be "
              "sent again.", "no", "Look at what it did before you post it again."),
    ErrorCode("lease_over", "–",
              "A worker that stood still gives the job back unsent; it is tried again by itself.",
              "yes", "Nothing: the job runs again."),
    ErrorCode("superseded", "–", "A worker lost the job to another one; only its log says so.",
              "no", "Nothing: the new owner ends the job."),
    ErrorCode("dead_letter", "–", "The job's worker was lost too often.", "no",
              "An operator can retry it in the admin."),
)  # fmt: skip


class ErrorsView(TemplateView):
    template_name = "api/errors.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(errors=ERRORS, **kwargs)
