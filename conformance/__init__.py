"""Conformance: vectors, the differential tool, and the runner for the official SDK's own tests."""
