"""What is kept, and that it is kept once."""
