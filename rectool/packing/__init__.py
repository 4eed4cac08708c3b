"""Images and records into `.rec` and `.idx`."""
