"""Start: a finished example that can be tried at once, starters by use, the visitor's last runs."""

from ui import look, starters, studio


def page() -> None:
    """Show what can be done here with something that is done already."""
    questions = studio.Questions()
    look.header(
        "Teach a computer with your own data",
        "Bring a table, pictures, texts or sounds, press Train, watch it learn, take the model with you. No code.",
    )
    starters.own_data()
    starters.example_card(questions)
    starters.cards()
    starters.last_runs()
    questions.poll()


page()
