"""Content scanning: bytes in, signals out. `scanner.Scanner.scan` is the one entry the plane calls."""
