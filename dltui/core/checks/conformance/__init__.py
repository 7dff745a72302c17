"""What every model plugin has to do, tried out: `dltui plugins check`, and `dltui.testing` for a plugin's own tests."""
