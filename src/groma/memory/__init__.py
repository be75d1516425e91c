"""Memory and shared knowledge: what agents remember, what may enter, and how it comes back."""
