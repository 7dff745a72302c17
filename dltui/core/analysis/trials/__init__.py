"""Trials of a sweep: the space they come from, their results as their run directories tell them, who goes on."""
