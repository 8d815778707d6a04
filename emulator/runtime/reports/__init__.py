"""What people and programs read: logs, records, comparisons, overviews, support bundles."""
