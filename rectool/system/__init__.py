"""What rectool asks of the operating system. Nothing here knows of RecordIO."""
