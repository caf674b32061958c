"""The differential tool: the same inputs to native Core and to corewasm, every output compared.

    python -m conformance.differential replay [FILE...]   histories (.bin, .json, folders; default: small ones)
    python -m conformance.differential live [NAME...]     scripted frontends (names may be shell patterns; default: all)

Prints a line per history or scenario, the first differences, and the count. Exit status 0 only without difference.
"""

from __future__ import annotations

import argparse
import sys

from . import deviations, live, replays, report


def main() -> int:
    """Compare, print, count."""
    options = _arguments()
    listed = deviations.load(options.direction)
    compare_all = replays.compare_all if options.direction == "replay" else live.compare_all
    compared = compare_all(options.names, listed)
    return report.show(compared, options.show, len(listed), quiet=options.quiet)


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
