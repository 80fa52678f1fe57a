"""The HTTP interface: parse, call one operation, format."""
