"""Checks this installation (`dltui doctor`) and plugins (`dltui plugins check`)."""
