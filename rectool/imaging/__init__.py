"""One image: decode, orient, crop, resize, encode.

Arrays and images are RGB here. What is done to an image, and in which order, is im2rec.py's:
decode with its EXIF orientation applied, centre crop, resize, encode. Three backends do it, with
the same functions: `pillow`, and `opencv` and `fast` where the packages that these need are
installed.

The functions below are Pillow's; they are loaded when they are first used.
"""
