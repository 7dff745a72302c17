"""From a dataset plugin to prepared arrays: looked for, downloaded once, checked, stored and streamed."""
