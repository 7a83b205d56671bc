"""Writes of prompts: drafts, seals, releases, experiments, files."""

from apps.prompts.services.comments import (
    answer_comment,
    comment_on,
    reopen_comment,
    resolve_comment,
)
from apps.prompts.services.dependents import Updated, update_dependents
from apps.prompts.services.drafts import (
    check_saveable,
    content_at,
    content_of,
    create_prompt,
    draft_of,
    new_draft,
    save_draft,
    validate_content,
    validate_version,
    whole_content,
)
from apps.prompts.services.experiment_ends import (
    pause_arm,
    pause_experiment,
    promote_arm,
    stop_experiment,
)
from apps.prompts.services.experiments import grow_experiment, start_experiment
from apps.prompts.services.files import export_version, import_version, in_order
from apps.prompts.services.folders import move_to_folder
from apps.prompts.services.imports import import_files, look_at_import
from apps.prompts.services.previews import dry_run
from apps.prompts.services.releases import (
    release,
    roll_back_by_guardrail,
    rollback,
    version_before,
)
from apps.prompts.services.requests import (
    approve_request,
    reject_request,
    release_due,
    request_release,
    withdraw_request,
)
from apps.prompts.services.sealing import retire_version, seal_version

__all__ = [
    "Updated",
    "answer_comment",
    "approve_request",
    "check_saveable",
    "comment_on",
    "content_at",
    "content_of",
    "create_prompt",
    "draft_of",
    "dry_run",
    "export_version",
    "grow_experiment",
    "import_files",
    "import_version",
    "in_order",
    "look_at_import",
    "move_to_folder",
    "new_draft",
    "pause_arm",
    "pause_experiment",
    "promote_arm",
    "reject_request",
    "release",
    "release_due",
    "reopen_comment",
    "request_release",
    "resolve_comment",
    "retire_version",
    "roll_back_by_guardrail",
    "rollback",
    "save_draft",
    "seal_version",
    "start_experiment",
    "stop_experiment",
    "update_dependents",
    "validate_content",
    "validate_version",
    "version_before",
    "whole_content",
    "withdraw_request",
]
