"""Questions about a configuration, read off its schema, to the YAML file that the answers make."""
