"""The models that can be chosen: single ones, and families whose members are found by name."""
