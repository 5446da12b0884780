"""What goes out: the lock of its requirements, the package, its licences and its bill of materials."""
