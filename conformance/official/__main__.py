"""`python -m conformance.official`: see README.md beside this file."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from . import checkout, run, table

_CORES = ("native", "corewasm")
_RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run the suite, write and print the table of all that is recorded.

    Exit status 1 if native passed something that ours did not.
    """
    options = _arguments()
    cache = (
        Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "corewasm" / "official" / options.sdk_version
    )
    kind = "offline" if options.offline else "server"
    output = cache / f"output-{kind}"
    output.mkdir(parents=True, exist_ok=True)
    if not options.table:
        _run(options, cache, output)
    native, ours = (run.read_verdicts(core, output) for core in _CORES)
    compared = table.compare(native, ours)
    target = options.output or _RESULTS / f"sdk-{options.sdk_version}-{kind}"
    target.parent.mkdir(parents=True, exist_ok=True)
    table.write(compared, native, ours, f"SDK {options.sdk_version}, {kind} tests: native Core and corewasm", target)
    print(table.markdown_file(target).read_text())
    return 1 if any(columns["native"] for columns in compared.values()) else 0


def _run(options: argparse.Namespace, cache: Path, output: Path) -> None:
    python = options.python or checkout.prepare_python(options.checkout, cache)
    with _server(options) as server:
        how = run.RunOptions(
            python, options.offline, server, options.jobs, options.timeout, tuple(options.paths), options.keyword
        )
        for core in [options.core] if options.core else _CORES:
            if not options.add:
                run.verdicts_file(core, output).unlink(missing_ok=True)
            root = checkout.prepare_copy(core, options.checkout, options.sdk_version, cache)
            print(f"running the suite on {core} ...", flush=True)
            run.run_suite(root, core, how, output)


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> Iterator[str | None]:
    if options.offline or options.server:
        yield options.server
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tools.temporal_server import running_server

    with running_server() as server:
        yield server.address


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m conformance.official", description=__doc__)
    parser.add_argument("--checkout", type=Path, required=True, help="a checkout of the SDK's repository")
    parser.add_argument("--sdk-version", required=True, help="the release the checkout matches, e.g. 1.32.0")
    parser.add_argument("--offline", action="store_true", help="only what needs no server")
    parser.add_argument("--server", help="host:port of a running server; default: build and start one")
    parser.add_argument("--jobs", type=int, default=2, help="parallel test processes (default 2)")
    parser.add_argument(
        "--timeout", type=int, default=4500, help="seconds after which one run is cut off (default 4500)"
    )
    parser.add_argument(
        "--python", type=Path, help="interpreter with the suite's dependencies; default: made once and cached"
    )
    parser.add_argument("--core", choices=_CORES, help="run on this Core alone; default: on both")
    parser.add_argument("--add", action="store_true", help="keep what earlier runs recorded, but for tests run again")
    parser.add_argument("--table", action="store_true", help="run nothing: write the table of what is recorded")
    parser.add_argument("--output", type=Path, help="where to write the table, without suffix")
    parser.add_argument("-k", dest="keyword", help="pytest's -k expression")
    parser.add_argument("paths", nargs="*", help="test files, relative to the checkout; default: the whole suite")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
