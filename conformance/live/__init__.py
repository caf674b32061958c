"""Live comparison: a scripted frontend gives each Core the same polls, pages and errors, and keeps every request."""
