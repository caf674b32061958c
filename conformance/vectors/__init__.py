"""Transcripts of native Core as data; see README.md beside this file."""
