"""The fake upstream with faults that the seed and the text of a request decide.

`python -m tests.chaos.upstream --seed 1`. A text's first call may go wrong; the next ones are
sound. The log names the fault of each call, so that nobody has to guess.
"""

import argparse
import asyncio
import random
from collections import Counter
from typing import Any

from tests.fakes import upstream as fake
from tests.fakes.behaviour import Behaviour, Entry, State

SLOW_SECONDS = 6.0  # longer than the lease of a run: only a heartbeat keeps such a job
FAULTS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    # name, share of the jobs, what it does
    ("error_500", 0.03, {"status": 500}),
    ("error_503", 0.02, {"status": 503}),
    ("reset", 0.02, {"reset": "before_headers"}),
    ("cut", 0.01, {"reset": "after_headers"}),
    ("html", 0.02, {"body": "html"}),
    ("truncated", 0.01, {"body": "truncated_json"}),
    ("hang", 0.01, {"hang": "before_headers"}),
)


class ChaosState(State):
    """Rules by text instead of by model."""

    def __init__(self, seed: int, slow_share: float, faults: bool) -> None:
        self._seed = seed
        self._slow_share = slow_share
        self._faults = faults
        super().__init__()

    def reset(self) -> None:
        super().reset()
        self.planned: dict[int, str] = {}
        self._asked: Counter[str] = Counter()

    def rule_for(self, model: str | None) -> Behaviour:
        entry = self.log[-1]  # begun by the same request, without a pause between
        text = text_of(entry)
        self._asked[text] += 1
        first = self._asked[text] == 1
        chance = random.Random(f"{self._seed} {text} {self._asked[text]}")
        latency = chance.uniform(0.3, 1.5)
        drawn = chance.random()
        if first and self._faults:
            for name, share, rule in FAULTS:
                drawn -= share
                if drawn < 0:
                    self.planned[entry.number] = name
                    return Behaviour(latency=latency / 2, **rule)
        if first and chance.random() < self._slow_share:
            latency = SLOW_SECONDS
        return Behaviour(latency=latency)

    def report(self) -> dict[str, Any]:
        return {**super().report(), "planned": self.planned}


def text_of(entry: Entry) -> str:
    return str(entry.body["messages"][-1]["content"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--slow-share", type=float, default=0.03)
    parser.add_argument("--no-faults", action="store_true")
    options = parser.parse_args()
    state = ChaosState(options.seed, options.slow_share, not options.no_faults)

    class Upstream(fake.Upstream):
        def __init__(self) -> None:
            super().__init__()
            self.state = state

        def _control(self, request: Any) -> dict[str, Any]:
            answer = super()._control(request)
            if "planned" in answer:  # keys of JSON objects are texts
                answer["planned"] = {str(key): name for key, name in state.planned.items()}
            return answer

    fake.Upstream = Upstream  # type: ignore[misc]
    asyncio.run(fake.serve(0, until_eof=True))


if __name__ == "__main__":
    main()
