"""Moving what is in the scene by a transform node: placed under it, or as copies with the movement in them."""
