"""Pure functions from values to rows of styled text: charts, pictures, numbers. No Textual."""
