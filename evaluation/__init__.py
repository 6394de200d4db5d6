"""What a run is worth: report, baselines, predictions. Keras only inside workers."""
