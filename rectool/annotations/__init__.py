"""Lists of images from annotations in the formats that people have: CSV, COCO, Pascal VOC, YOLO.

A module a format, each with one function that gives an Annotated. Labels of boxes are in MXNet's
detection layout, `2 B` and B numbers a box: class, xmin, ymin, xmax, ymax, all fractions of the
image's width and height, with six decimals, as im2rec.py writes labels. What is malformed is a
ListError with a line for each fault; what is changed or left out is counted.
"""
