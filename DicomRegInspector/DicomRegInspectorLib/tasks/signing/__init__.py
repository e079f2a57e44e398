"""What is signed of a registration, and the phantom by which it is verified."""
