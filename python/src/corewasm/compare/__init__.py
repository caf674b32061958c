"""Is a workflow safe to move? Replays histories on native Core and on corewasm, and compares message by message."""
