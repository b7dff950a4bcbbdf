"""Fleet files: reading, meaning, growth, the built-in fleets, the guide."""
