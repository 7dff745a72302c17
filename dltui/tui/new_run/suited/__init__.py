"""What the data changes of the values in the form."""
