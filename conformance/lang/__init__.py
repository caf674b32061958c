"""Stand-ins for an SDK: they answer activations from data, so the same answers can be given to any Core."""
