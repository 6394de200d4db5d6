"""Runs beside each other: what is known of each (`facts`), curves, tables, who is better, leaderboards, groups."""
