"""One image: decode, orient, crop, resize, encode.

Arrays and images are RGB here. What is done to an image, and in which order, is im2rec.py's:
decode with its EXIF orientation applied, centre crop, resize, encode. Two backends do it, with the
same functions: `with_pillow`, and `with_opencv` where OpenCV is installed.

The functions below are Pillow's; they are loaded when they are first used.
"""
