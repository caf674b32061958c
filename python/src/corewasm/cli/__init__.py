"""The ``corewasm`` command."""
