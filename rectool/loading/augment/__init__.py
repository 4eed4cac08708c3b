"""Random and fixed changes of images and their labels, for training."""
