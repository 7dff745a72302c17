"""The fault harness: kills, cuts, corrupts and fills real runs, and proves by planted bugs that it would notice."""
