"""The images of a `.rec` as files, and a `.lst` of them."""
