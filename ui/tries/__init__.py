"""What tasks bring to Try of their own, one file a task: a form, `show(run, signature)`, where the general one does not
fit, or the answer alone, `say(run, signature, told)`, where the general form does and its answer does not.

The answer comes from `ui.try_it.ask_model(run, values)`, which hands `values` to the task's `reply`.
"""
