"""What is said in words, for the terminal."""
