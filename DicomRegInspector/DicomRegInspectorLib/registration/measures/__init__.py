"""What a field or a mapping measures: displacement, Jacobian, curl, regions, landmarks."""
