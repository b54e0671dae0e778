"""Methods on texts: evading a filter, topics."""
