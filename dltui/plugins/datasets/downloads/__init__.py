"""Files from the network: known checksums, mirrors, archives."""
