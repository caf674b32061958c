"""``python -m corewasm``."""

from corewasm.cli.main import app

app(prog_name="corewasm")
