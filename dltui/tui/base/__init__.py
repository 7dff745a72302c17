"""The parts of every page: the page, its rows, its notice, its threads, and the services that touch the disk."""
