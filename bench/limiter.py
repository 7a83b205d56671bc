"""Calls that two processes let through against what a bucket's arithmetic allows.

Run `python -m bench.limiter [--seconds 60]`. It starts an embedded Valkey of its own. Two processes
each ask 50 times a second, evenly, for a tier of 50 a second with a burst of 100: together twice
what the tier allows. Expected: the burst, and 50 for each second between the first call and the
last.
"""

import argparse
import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RATE, BURST, OFFERED = 50, 100, 100
PROCESSES = 2
ALLOWED = 0.01  # difference, of what is expected


async def ask(seconds: float) -> dict[str, float]:
    from apps.access.limits import RateLimiter
    from apps.access.types import Caller, TierLimits
    from apps.core.redis import async_client

    redis = async_client()
    limiter = RateLimiter(redis)
    caller = Caller(1, "bench", "team", "cc", TierLimits("standard", RATE, BURST, 0))
    spacing, admitted, asked, slept = PROCESSES / OFFERED, 0, 0, 0.0
    begin = time.time()
    while time.time() - begin < seconds:
        sent = time.monotonic()
        admitted += (await limiter.take(caller=caller, tokens=0, max_wait=0)).allowed
        slept += time.monotonic() - sent
        asked += 1
        await asyncio.sleep(max(0.0, begin + asked * spacing - time.time()))
    end = time.time()
    await limiter.close()
    await redis.aclose()
    return {"begin": begin, "end": end, "asked": asked, "admitted": admitted, "waited": slept}


def measure(seconds: float, redis_url: str) -> None:
    command = [sys.executable, "-m", "bench.limiter", "--seconds", str(seconds), "--ask"]
    environment = {**os.environ, "REDIS_URL": redis_url}
    askers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(PROCESSES)
    ]
    results = [json.loads(asker.communicate()[0]) for asker in askers]
    asked = sum(int(result["asked"]) for result in results)
    admitted = sum(int(result["admitted"]) for result in results)
    elapsed = max(r["end"] for r in results) - min(r["begin"] for r in results)
    expected = BURST + RATE * elapsed
    print(f"asked {asked} times in {elapsed:.2f} s over {PROCESSES} processes")
    off = admitted / expected - 1
    print(f"admitted {admitted}, expected {expected:.0f}: {off:+.2%}")
    wait = sum(result["waited"] for result in results) / asked
    print(f"mean time of a take: {wait * 1000:.2f} ms; load {os.getloadavg()[0]:.1f}")
    if abs(off) > ALLOWED:
        raise SystemExit(f"Missed: more than {ALLOWED:.0%} off.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--ask", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    os.environ.setdefault("LLMPLATFORM_EMBEDDED", "1")
    os.environ.setdefault("DATABASE_URL", "postgres://127.0.0.1:1/none")
    if options.ask:
        import django

        django.setup()
        print(json.dumps(asyncio.run(ask(options.seconds))))
        return
    from llmplatform.embedded.layout import free_port
    from llmplatform.embedded.valkey import Valkey

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        valkey = Valkey(root, root / "log", free_port(), secrets.token_hex(), durable=False)
        valkey.start()
        try:
            valkey.wait_ready()
            measure(options.seconds, valkey.url)
        finally:
            valkey.stop()


if __name__ == "__main__":
    main()
