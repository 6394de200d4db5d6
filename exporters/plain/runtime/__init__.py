"""How each runtime is asked: one of these files becomes `runtime.py` in the download."""
