"""Lists of images (`.lst`), and where they come from: folders and annotations."""
