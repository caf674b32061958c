"""House rules that no linter knows, each a function from the repository's files to a list of what is wrong."""
