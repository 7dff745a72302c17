"""The Curves tab: charts, axes, overlays, replay."""
