"""An operator's order is in force in a running process within a second, with Redis or without."""

import pytest

from apps.gateway.types import CallRefused, CallSpec
from apps.registry.models import Deployment
from apps.routing.models import RestEnd
from apps.routing.services import end_rest
from tests.gateway.conftest import make_call, run_calls
from tests.gateway.test_parts_away import without_redis  # noqa: F401
from tests.jobs.workers import eventually


def spec():
    return CallSpec(model="small", messages=({"role": "user", "content": "hello"},))


@pytest.fixture(params=["runtime", "without_redis"])
def process(request, shop):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("status", "of"), [(500, "deployment"), (401, "credential")])
def test_a_rest_ends_within_a_second(process, shop, upstream, status, of):
    upstream.behave(model="small", status=status, times=5 if status == 500 else 1)
    for _ in range(3):
        with pytest.raises(CallRefused):
            run_calls(process, [make_call(shop, spec())])
    sent = len(upstream.log())
    small = process.config.current.registry.deployments["small-1"]
    health = process.pipeline._health
    assert health.rest(small) is not None

    end_rest(
        deployment=Deployment.objects.get(slug="small-1"),
        of=RestEnd.Of(of),
        reason="mended",
        actor="ada",
    )

    eventually(lambda: health.rest(small) is None, seconds=1)  # its own thread hears of it
    assert run_calls(process, [make_call(shop, spec())])[0].deployment == "small-1"
    assert len(upstream.log()) == sent + 1
