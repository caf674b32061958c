"""One run of the suite on one Core: pytest in a child process, verdicts from what the recorder plugin wrote."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

OFFLINE_PATHS = (
    "tests/test_envconfig.py",
    "tests/api",
    "tests/bridge",
    "tests/test_tls.py",
    "tests/worker/test_replayer.py",
    "tests/test_runtime.py",
)
_FRAMEWORK_TESTS = "openai_agents langsmith google_adk_agents google_genai langgraph deepagents strands aws".split()
_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Verdicts:
    """What became of each test, keyed by pytest's node id: passed, failed or skipped, and the failure's last lines."""

    outcomes: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def count(self, outcome: str) -> int:
        """How many tests ended so."""
        return sum(1 for each in self.outcomes.values() if each == outcome)


@dataclass(frozen=True)
class RunOptions:
    """How to run: everything but the Core."""

    python: Path
    offline: bool
    server: str | None
    jobs: int
    timeout_seconds: int
    paths: tuple[str, ...] = ()
    keyword: str | None = None


def run_suite(root: Path, core: str, options: RunOptions, output: Path) -> None:
    """Run the suite under `root` on `core` ("native" or "corewasm"); verdicts and log are appended in `output`."""
    with (output / f"{core}.log").open("a") as sink:
        child = subprocess.Popen(
            _command(core, options),
            cwd=root,
            env=_environment(core, verdicts_file(core, output)),
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            child.wait(options.timeout_seconds)
        except subprocess.TimeoutExpired:
            # A native xdist worker can hang while it exits; whatever was recorded by then counts.
            child.kill()
            child.wait()


def verdicts_file(core: str, output: Path) -> Path:
    """Where runs on `core` record their verdicts."""
    return output / f"{core}.jsonl"


def read_verdicts(core: str, output: Path) -> Verdicts:
    """Read what the runs on `core` recorded. Of a test that ran more than once the last run counts.

    Raises RuntimeError if there is nothing: the run ended before its first test.
    """
    record = verdicts_file(core, output)
    if not record.exists():
        raise RuntimeError(f"no verdicts of {core}; its log is {output / f'{core}.log'}")
    verdicts = Verdicts()
    for line in record.read_text().splitlines():
        verdict = json.loads(line)
        verdicts.outcomes[verdict["test"]] = verdict["outcome"]
        verdicts.texts[verdict["test"]] = verdict["text"]
    return verdicts


def _command(core: str, options: RunOptions) -> list[str]:
    command = [str(options.python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    # pytest's own tracebacks parse sources, which CPython 3.11 refuses deep in a stack, and the whole run ends.
    command += ["-p", "conformance.official.recorder_plugin", "--tb=native"]
    if core == "corewasm":
        command += ["-p", "conformance.official.corewasm_plugin"]
    if options.keyword:
        command += ["-k", options.keyword]
    if options.offline:
        return [*command, "-p", "conformance.official.offline_plugin", *(options.paths or OFFLINE_PATHS)]
    command += ["-E", options.server or "", "-n", str(options.jobs), "--dist=loadgroup"]
    command += [f"--ignore=tests/contrib/{name}" for name in _FRAMEWORK_TESTS]
    return [*command, "--deselect", "tests/test_type_errors.py", *options.paths]


def _environment(core: str, verdicts: Path) -> dict[str, str]:
    environment = dict(os.environ)
    search = [str(_REPOSITORY)]
    if core == "corewasm":
        search.append(str(_REPOSITORY / "python" / "src"))
    environment["PYTHONPATH"] = os.pathsep.join(search)
    environment["OFFICIAL_VERDICTS"] = str(verdicts)
    environment.pop("COREWASM", None)
    return environment
