"""A model from elsewhere: bring a `.keras` file and see what is in it, without any of its code being run."""

from ui import import_model, look


def page() -> None:
    """Take a file and show its model; the address names it (`/open_model?model=...`)."""
    look.header("Open a model", "Bring a .keras file from anywhere and see what is inside. No code in it is ever run.")
    import_model.show()


page()
