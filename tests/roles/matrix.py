"""What each role may do on each page of the admin: v(iew), a(dd), c(hange), d(elete), or nothing.

Written by hand, apart from `apps.access.roles`, so that a slip in one shows in the other.
"""

ROLES = (
    "prompt-engineer",
    "approver",
    "finance",
    "operator",
    "auditor",
    "service-developer",
    "administrator",
)
# page: one column a role, in the order of ROLES
MATRIX = {
    "access.team": "v v v v v v vacd",
    "access.costcenter": "v v vac v v v vacd",
    "access.tier": "v v v v v v vacd",
    "access.service": "v v v v v v vacd",
    "access.apikey": "- - - vc v vac vac",
    "registry.provider": "v v v vac v v vacd",
    "registry.model": "v v v vac v v vacd",
    "registry.deployment": "v v v vac v v vacd",
    "registry.price": "v v va v v v va",
    "registry.priceproposal": "- - v v v - v",
    "routing.route": "v v v vacd v v vacd",
    "prompts.prompt": "vac v - v v v vacd",
    "prompts.promptversion": "vcd v - v v v vcd",
    "prompts.channel": "v v - v v v vacd",
    "prompts.release": "v v - v v v v",
    "prompts.releaserequest": "v v - v v v v",
    "prompts.experiment": "vac v - v v v vacd",
    "evals.dataset": "vac v - v v v vac",
    "evals.case": "vcd v - v v v vcd",
    "evals.suite": "vacd v - v v v vacd",
    "evals.evalrun": "v v - v v v v",
    "evals.review": "v v - v v v v",
    "evals.requirement": "v vacd - v v v vacd",
    "prompts.metric": "vac v - v v v vacd",
    "results.score": "v v - v v v v",
    "jobs.job": "v v v v v v v",
    "jobs.batch": "v v v v v v v",
    "jobs.providerbatch": "v v v v v v v",
    "jobs.webhookendpoint": "- - - vc v vacd vacd",
    "jobs.delivery": "- - - v v v v",
    "ledger.attempt": "v v v v v v v",
    "ledger.usage": "v v v v v v v",
    "ledger.entry": "v v v v v v v",
    "ledger.waitingentry": "v v v v v v v",
    "ledger.adjustment": "- - va - v - va",
    "budgets.budget": "- - vacd v v v vacd",
    "budgets.window": "- - v v v v v",
    "budgets.hold": "- - v v v v v",
    "budgets.budgetraise": "- - va v v v va",
    "budgets.thresholdcrossing": "- - v v v v v",
    "cache.cacherule": "vacd v v vacd v vacd vacd",
    "cache.invalidation": "va v v va v va va",
    "auth.user": "- - - - v - vacd",
    "auth.group": "- - - - v - vacd",
    "audit.auditentry": "- - - - v - v",
}
# permissions that are no page: who has them
SPECIAL = {
    "budgets.approve_raise": {"finance", "administrator"},
    "registry.approve_price": {"finance", "administrator"},
    "ledger.resolve_entry": {"finance", "administrator"},
    "ledger.add_adjustment": {"finance", "administrator"},
    "ledger.approve_adjustment": {"finance", "administrator"},
    "prompts.release_protected": {"approver", "administrator"},
    "prompts.add_release": {"prompt-engineer", "approver", "administrator"},
    "prompts.add_releaserequest": {"prompt-engineer", "administrator"},
    "evals.add_evalrun": {"prompt-engineer", "administrator"},
    "evals.change_datasetversion": {"prompt-engineer", "administrator"},
    "evals.decide_review": {"prompt-engineer", "approver", "administrator"},
    "playground.run_playground": {"prompt-engineer", "administrator"},
    "playground.take_past_call": {"prompt-engineer", "administrator"},
    "routing.operate_health": {"operator", "administrator"},
    "jobs.operate_job": {"operator", "service-developer", "administrator"},
    "jobs.operate_webhook": {"operator", "service-developer", "administrator"},
    "jobs.view_jobpayload": {
        "prompt-engineer",
        "approver",
        "auditor",
        "service-developer",
        "administrator",
    },
}


def allowed(role: str, page: str) -> set[str]:
    return set(MATRIX[page].split()[ROLES.index(role)]) - {"-"}
