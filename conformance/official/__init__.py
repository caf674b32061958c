"""Runs the official SDK's own test suite on native Core and on corewasm, and compares."""
