"""The pretrained convolutional trunk that the small networks share, and what it is given."""
