"""Generator against critic, and games that show what such training does."""
