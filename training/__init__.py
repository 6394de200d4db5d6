"""From recipe to run: queue, supervisor, worker, fit loop, checkpoints. Keras only inside workers."""
