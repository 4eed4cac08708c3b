"""Lists of images from annotations: CSV, COCO, Pascal VOC, YOLO, labelme, Ground Truth.

A module a format, each with one function that gives an Annotated. Labels of boxes are in MXNet's
detection layout, `2 B` and B numbers a box: class, xmin, ymin, xmax, ymax, all fractions of the
image's width and height, with six decimals, as im2rec.py writes labels. An image
that cannot be listed as its annotations say is one of the `faults` of the Annotated, and is not
listed; what is wrong with the whole is a ListError; what is changed or left out is counted.
"""
