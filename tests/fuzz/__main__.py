"""``python -m tests.fuzz [INPUTS] [SEED]``: a million inputs for every wire format."""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.every_driver import SUBJECTS
from tests.fuzz.engine import Outcome, fuzz

_INPUTS, _SHARE = 1_000_000, 50_000


def _run(index: int, seed: int, count: int) -> tuple[int, Outcome]:
    return index, fuzz(SUBJECTS[index], seed, count)


def formats() -> list[int]:
    """Return one subject for each wire format: the register maps are one."""
    seen = {subject.driver.name: index for index, subject in enumerate(SUBJECTS)}
    return sorted(seen.values())


def main() -> None:
    """Fuzz every wire format and print what came of it."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else _INPUTS
    first_seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    began = time.monotonic()
    shares = max(1, inputs // _SHARE)
    totals = {index: Outcome() for index in formats()}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = [
            pool.submit(_run, index, first_seed + share, min(inputs, _SHARE))
            for share in range(shares)
            for index in totals
        ]
        for job in jobs:
            index, one = job.result()
            total = totals[index]
            total.inputs += one.inputs
            total.refused += one.refused
            total.fed_s += one.fed_s
            total.slowest_s = max(total.slowest_s, one.slowest_s)
    sys.stdout.write(f"{'driver':20} {'inputs':>10} {'refused':>8} {'mean':>9} {'slowest':>9}\n")
    for index, total in totals.items():
        sys.stdout.write(
            f"{SUBJECTS[index].driver.name:20} {total.inputs:>10,} "
            f"{total.refused / total.inputs:>8.1%} {total.fed_s / total.inputs * 1e6:>6.1f} us "
            f"{total.slowest_s * 1e3:>6.2f} ms\n"
        )
    took_s = time.monotonic() - began
    sys.stdout.write(f"nothing but FrameError in {took_s:.0f} s, seeds from {first_seed}\n")


if __name__ == "__main__":
    main()
