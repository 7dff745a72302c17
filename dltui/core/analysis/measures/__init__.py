"""Names what runs measure, and judges it: conditions to wait for, limits on how much worse a run may be."""
