"""The check before a download is offered: a clean process loads the file and must answer as the run did.

The worker starts it as soon as the file is written and collects it after the report, so that loading TensorFlow anew
costs no time:

    file = keras_file.export(run, core, prepared, dataset)
    checking = check.start(run, file, check.rows_of(prepared, dataset), check.answers_of(core, prepared))
    report.make(run, core, prepared, history)
    told = checking.finish()
"""
