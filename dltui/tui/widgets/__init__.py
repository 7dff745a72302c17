"""Parts of the screens; most of each is a pure function from state and size to rows."""
