"""From raw values to the arrays that the model reads: one file a data type, numpy (and Pillow for pictures) only."""
