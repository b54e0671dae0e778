"""MAP-Elites of this package and of QDax on the same network."""
