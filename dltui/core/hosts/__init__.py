"""Runs of other hosts: a small server there, a link to it over ssh, and copies of the runs that are watched here."""
