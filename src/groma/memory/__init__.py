"""What agents remember: the way in, the way out, and what each memory is worth."""
