"""The differential tool: the same inputs to native Core and to ours, in processes of their own; outputs compared."""
