"""The page of a run; each tab is an object that draws itself and handles its keys."""
