"""How often a gate is wrong: error rates of its lines on data that nobody chose, through the code that decides them.

    python benchmarks/gate_validity.py --jobs 1                       # everything, 10,000 replications
    python benchmarks/gate_validity.py --only relative corpus --replications 1000 --json found.json
    python benchmarks/gate_validity.py --list
    python benchmarks/gate_validity.py --markdown docs/gate_validity.md

Every figure is what `evaluators.comparison.compare` and `evaluators.comparison.levels` say of the drawn data. In each
block some of it goes through the whole gate, from runs to findings, which stops the run where it decides otherwise.
Exit code 1 if a target is missed by more than two standard errors, unless it is known to be. A seed gives the same
figures whatever the number of processes.
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
# How often a gate is wrong

<!-- Made by `python benchmarks/gate_validity.py --markdown docs/gate_validity.md`. -->

A gate line promises an error rate. A candidate that is worse by exactly the margin passes in at most 5 % of
trials, and an equal candidate is called better in at most 5 %. The stated processes draw the data, and the code
that judges gate lines judges them. ± is one standard error, and a target is met within two. A target that is missed
is shown here as **missed**. [All rows](gate_validity.csv) are data, also those without a target, such as the power
of a line.

{replications:,} replications; seed {seed}.
"""

if __name__ == "__main__":
    sys.exit(bench.run("benchmarks.gate_trials.all_trials", __doc__ or "", HEAD, as_data=True))
