"""Training on several devices: one process a rank, whose gradients, statistics and losses are added up over all."""
