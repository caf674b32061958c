"""Writes the Python classes of the turn envelope (proto/corewasm/abi/v1) into python/src.

What protoc itself writes today refuses to load under any protobuf runtime but its own and the next. The SDK admits 3.20
to below 8, so the modules written here hold the serialized descriptor and hand it to the builder that every runtime in
that range has. Run it after a change of a .proto file; `--check` only compares and fails when a file is stale.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import grpc_tools.protoc
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    ROOT / "proto": ("corewasm/abi/v1/turn.proto", "corewasm/abi/v1/worker.proto", "corewasm/abi/v1/telemetry.proto"),
}
TARGET = ROOT / "python" / "src"

TEMPLATE = '''# ruff: noqa
# fmt: off
"""Messages of {name}. Written by python/tools/generate_abi.py: do not edit."""

from google.protobuf import descriptor_pool as _descriptor_pool
from google.protobuf.internal import builder as _builder
{imports}DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile(
    {descriptor!r}
)
_builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, {module!r}, globals())
'''


def module_of(proto: str) -> str:
    """The Python module of a .proto file."""
    return proto.removesuffix(".proto").replace("/", ".") + "_pb2"


def render(file: descriptor_pb2.FileDescriptorProto) -> str:
    """The module's text."""
    imports = "".join(f"import {module_of(name)}\n" for name in file.dependency)
    return TEMPLATE.format(
        name=file.name, imports=imports, descriptor=file.SerializeToString(), module=module_of(file.name)
    )


def generate(root: Path, protos: tuple[str, ...]) -> dict[Path, str]:
    """The files to be, by path relative to python/src."""
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder) / "set"
        arguments = ["protoc", f"-I{root}", f"--descriptor_set_out={descriptors}", f"--pyi_out={folder}", *protos]
        if grpc_tools.protoc.main(arguments) != 0:
            raise SystemExit("protoc refused the .proto files")
        files: dict[Path, str] = {}
        for file in descriptor_pb2.FileDescriptorSet.FromString(descriptors.read_bytes()).file:
            stub = Path(file.name.removesuffix(".proto") + "_pb2.pyi")
            files[stub.with_suffix(".py")] = render(file)
            files[stub] = "# mypy: ignore-errors\n" + (Path(folder) / stub).read_text()
    return files


def main() -> int:
    """Writes or compares all files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a file is stale")
    check = parser.parse_args().check
    stale = []
    for root, protos in SOURCES.items():
        for name, text in generate(root, protos).items():
            path = TARGET / name
            if path.exists() and path.read_text() == text:
                continue
            stale.append(str(name))
            if not check:
                path.write_text(text)
    if check and stale:
        print("stale, run python/tools/generate_abi.py:", ", ".join(stale), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
