"""The destination: the Constant Contact API, its OAuth, its limits, its file format."""
