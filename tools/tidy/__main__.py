"""Prints what ratchet.json would have to hold for the repository as it is: for tightening it, never for loosening."""

from __future__ import annotations

import json

from tools.cache import ROOT
from tools.tidy.sizes import excesses
from tools.tidy.tree import repository_files


def main() -> None:
    """Print the ratchet as JSON: per rule, what is over its limit and by how much."""
    ratchet: dict[str, dict[str, int]] = {}
    for excess in excesses(repository_files(ROOT)):
        ratchet.setdefault(excess.rule, {})[excess.what] = excess.value
    print(json.dumps(ratchet, indent=2, sort_keys=True))


if __name__ == "__main__":
    main()
