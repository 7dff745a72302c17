"""The small pages: compare, help, resume, settings."""
