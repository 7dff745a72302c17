"""What goes to the terminal, or comes from it, besides rows and keys: alerts, progress, pictures, the mouse."""
