"""A mixed fleet under fire: workers of both Cores are killed while they run random workflows."""
