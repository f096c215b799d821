"""The page as HTML: everything but the pictures works without a script."""
