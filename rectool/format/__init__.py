"""The RecordIO format: frames, image headers, indexes, a reader, a writer, the errors.

Standard library and numpy only; everything else in rectool stands on it.
"""
