"""GPU clusters: what their hosts run, and how they grow, shrink and lose nodes."""
