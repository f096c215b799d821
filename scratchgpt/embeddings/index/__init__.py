"""An index of text files that is kept up to date, and search in it."""
