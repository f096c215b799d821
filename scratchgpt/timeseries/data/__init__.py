"""Series: reading them, their time index, the examples that come with the package."""
