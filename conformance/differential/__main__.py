"""The differential tool: the same inputs to native Core and to corewasm, every output compared.

    python -m conformance.differential replay [FILE...]   histories (.bin, .json, folders; default: all)
    python -m conformance.differential live [NAME...]     scripted frontends (names may be shell patterns; default: all)

Prints a line per history or scenario, the first differences, the counts, and the length of the list of deviations.
Exit status 0 only without difference.
"""

from __future__ import annotations

import argparse
import sys

from . import deviations, live, replays, report
from .cores import ChildFailed
from .deviations import BadDeviation
from .native_histories import NoNativeHistories
from .sources import UnreadableHistory


def main() -> int:
    """Compare, print, count. Exit status 2 if nothing could be compared."""
    options = _arguments()
    compare_all = replays.compare_all if options.direction == "replay" else live.compare_all
    try:
        listed = deviations.load(options.direction)
        return report.show(compare_all(options.names, listed), options.show, len(listed), quiet=options.quiet)
    except (BadDeviation, ChildFailed, NoNativeHistories, UnreadableHistory) as error:
        print(error, file=sys.stderr)
        return 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.differential",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("direction", choices=["replay", "live"])
    parser.add_argument("names", nargs="*", help="history files or folders; names of live scenarios")
    parser.add_argument("--show", type=int, default=5, help="differences to print per history (default 5)")
    parser.add_argument("--quiet", action="store_true", help="only what differs, and the counts")
    return parser.parse_intermixed_args()


if __name__ == "__main__":
    sys.exit(main())
