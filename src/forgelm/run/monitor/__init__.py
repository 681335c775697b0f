"""A run's numbers for those who watch it: events into gauges, gauges into files, pages and datagrams."""
