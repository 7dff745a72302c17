"""The other hosts on the screen: what they list, and services that reach their runs."""
