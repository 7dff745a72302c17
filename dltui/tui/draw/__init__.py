"""Pure functions that draw values as rows of styled text: charts, pictures, numbers. No Textual."""
