"""What every page is made of: the page, its rows, its notice, its threads, and the services that touch the disk."""
