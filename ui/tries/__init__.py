"""What tasks bring to Try of their own, one file a task.

A form, `show(run, signature)`, where the general one does not fit; or the answer alone, `say(run, signature, told)`.
The answer comes from `ui.try_it.ask_model(run, values)`, which hands `values` to the task's `reply`.
"""
