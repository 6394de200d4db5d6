"""Parts of a finished run's report that a person can turn and open; `ui/report_view.py` puts them together."""
