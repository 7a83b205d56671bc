"""The page of metrics names every metric that we export, with its kind and labels, and no other."""

import re

import pytest
from prometheus_client.metrics import MetricWrapperBase

from apps.gateway import metrics as gateway_metrics
from apps.jobs import metrics as jobs_metrics
from apps.ledger import metrics as ledger_metrics
from tests.docs.settings_read import ROOT

PAGE = (ROOT / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| (counter|gauge|histogram) \|([^|]*)\|", re.MULTILINE)


def exported() -> dict[str, tuple[str, list[str]]]:
    """Name, as Prometheus shows it → kind and labels."""
    found = {}
    for module in (gateway_metrics, jobs_metrics, ledger_metrics):
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                ending = "_total" if metric._type == "counter" else ""
                found[metric._name + ending] = (metric._type, list(metric._labelnames))
    return found


def test_the_page_and_the_code_agree():
    documented = {
        name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in ROW.findall(PAGE)
    }

    assert documented == exported()


@pytest.mark.parametrize("question", re.findall(r"^\| [^|`]+ \| `([^`]+)` \|$", PAGE, re.MULTILINE))
def test_questions_ask_for_metrics_that_exist(question):
    asked = set(re.findall(r"\b((?:llm|jobs|ledger)_\w+)", question))

    assert asked
    assert {name.removesuffix("_bucket") for name in asked} <= set(exported())
