"""A U-Net in PyTorch."""
