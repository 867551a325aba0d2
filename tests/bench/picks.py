"""What it costs to decide whether a clip is picked, and to remember it.

``python -m tests.bench.picks``: microseconds of one core a clip, medians over rounds; bytes of what is remembered.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from datetime import UTC, datetime

from stream.clip import Consent, Header
from stream.lifecycle.sampling import PartitionSampler, SamplingRule, SamplingRules

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
KEY = bytes(range(32))
CLIPS, ROUNDS = 100_000, 5
RATES = tuple(SamplingRule.named(name, rate) for name, rate in (("en-US/speaker", 1.0), ("de", 0.002), ("*/tv", 0.0)))
WAYS = {
    "refused by the rate": SamplingRules(rate=0.0),
    "picked, no limits": SamplingRules(rules=RATES),
    "picked, quota and cap": SamplingRules(rules=RATES, account_per_day_max=5, per_hour_max=10**9),
    "refused by the quota": SamplingRules(rules=RATES, account_per_day_max=1, per_hour_max=10**9),
}


def main() -> None:
    consent = Consent(human_review=True)
    clips = [
        Header(f"clip-{number}", f"acct-{number // 4}", NOON, "en-US", "speaker", consent, woken=True, wake_score=0.9)
        for number in range(CLIPS)
    ]
    for name, rules in WAYS.items():
        took_s = []
        for _ in range(ROUNDS):
            sampler = PartitionSampler(rules, KEY, 0, 1)
            began = time.thread_time()
            for of in clips:
                sampler.pick(of)
            took_s.append(time.thread_time() - began)
        print(f"{name:24} {statistics.median(took_s) / CLIPS * 1e6:6.1f} us a clip")
    for name, quota, cap in (("account", 5, 0), ("pick of an hour", 0, 10**9)):
        sampler = PartitionSampler(SamplingRules(account_per_day_max=quota, per_hour_max=cap), KEY, 0, 1)
        tracemalloc.start()
        for of in clips[:: 4 if quota else 1]:
            sampler.pick(of)
        sampler.changes()
        remembered, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"{name:24} {remembered / len(clips[:: 4 if quota else 1]):6.0f} bytes")


if __name__ == "__main__":
    main()
