"""Arithmetic that several tasks share: counts of classes, rankings, calibration."""
