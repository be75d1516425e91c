"""Memory: what is remembered for agents, on the way in and on the way out."""
