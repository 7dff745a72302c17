"""The page of one run; each tab is an object that draws itself and knows its keys."""
