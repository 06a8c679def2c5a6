"""What touches the world outside: one file or folder per technology, each implementing a port."""
