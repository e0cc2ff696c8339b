"""`fairtrial …` with the files of the pages in place: modules below OVERLAY are found as if they stood in the house.

``python with_overlay.py OVERLAY ARGUMENT…``
"""

from __future__ import annotations

import sys
from pathlib import Path

import dashboard.views
import evaluators.metrics

for package, folder in ((evaluators.metrics, "evaluators/metrics"), (dashboard.views, "dashboard/views")):
    package.__path__.append(str(Path(sys.argv[1]) / folder))

if __name__ == "__main__":
    from fairtrial.cli.main import main

    sys.argv = ["fairtrial", *sys.argv[2:]]
    main()
