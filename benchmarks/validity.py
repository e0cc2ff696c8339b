"""How often the statistics are wrong, and how soon right: error rates of `fairtrial.stats`, measured by simulation.

    python benchmarks/validity.py                          # everything, 10,000 replications
    python benchmarks/validity.py --only srm power --replications 1000 --json found.json
    python benchmarks/validity.py --list
    python benchmarks/validity.py --markdown docs/validity.md

What decides in every simulation is the library's own function, or a vectorised form of it that is compared with it on
paths of every block and stops the run where they differ. Exit code 1 if a target is missed by more than two standard
errors, unless it is known to be. A seed gives the same figures whatever the number of processes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # the processes are the parallelism
sys.path[0] = str(Path(__file__).parents[1])  # a file beside this one has the name of a package of ours

from benchmarks.trials import bench  # noqa: E402

HEAD = """\
# How often the statistics are wrong

<!-- Made by `python benchmarks/validity.py --markdown docs/validity.md`. -->

[The statistics](reference/statistics.md) promise an error rate. This page tests the promise by
simulation. The stated process draws the data, the library's functions analyse them, and the wrong results are
counted. **A line without a target is a baseline**: the result without the method. ± is one standard
error, and a target is met within two. A target that is missed stays in its table as **missed**. In an A/A trial
there is no difference, so any difference found is an error.

{replications:,} replications; seed {seed}.
"""

if __name__ == "__main__":
    sys.exit(bench.run("benchmarks.trials.all_trials", __doc__ or "", HEAD))
