"""What is in a `.rec`."""
