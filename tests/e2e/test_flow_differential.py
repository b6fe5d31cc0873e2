"""lib/flow against the kernel's connection tracking and translation: tests/differential/README.md.

HEDDLE_SEED=N runs the one seed N.
"""

import os

import pytest

from lab import run
from node import BUILD
from policy import SOAK

PROGRAM = BUILD / "tests/differential/flow_differential"
PACKETS = 40_000 if SOAK else 20_000
SEEDS = [int(os.environ["HEDDLE_SEED"], 0)] if "HEDDLE_SEED" in os.environ else \
    list(range(1, 31 if SOAK else 5))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_difference_to_the_kernel_is_explained(seed):
    report = run(PROGRAM, "--seed", seed, "--packets", PACKETS, timeout=120).stdout
    print(report)
    assert f"seed {seed}: " in report and "UNEXPLAINED" not in report, report
