"""What Core and its users measure and say, and where it goes. All of it outside of the module."""
