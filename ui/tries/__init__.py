"""Forms of Try for tasks that the general form does not fit, one file a task: `show(run, signature)`.

The answer comes from `ui.try_it.ask_model(run, values)`, which hands `values` to the task's `reply`.
"""
