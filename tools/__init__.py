"""The project's own tools: build, checks, the test server. Run from the checkout's root as ``python -m tools.NAME``."""
