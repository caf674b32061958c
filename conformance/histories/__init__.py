"""Histories made from code: small ones per feature for comparison, long ones for measurement."""
